package shape

import "strings"

// CAIName is what the full resource name of a Google Cloud asset tells:
// //compute.googleapis.com/projects/p/zones/z/instances/i.
type CAIName struct {
	// Service is the host: compute.googleapis.com.
	Service string
	// Project is the project's id or number as the name has it, empty outside of projects.
	Project string
	// Location is the zone, region or location in the name, empty if it has none.
	Location string
	// Short is the last segment.
	Short string
}

// ParseCAIName takes a full resource name apart. It reports false for text that is none.
func ParseCAIName(name string) (CAIName, bool) {
	rest, ok := strings.CutPrefix(name, "//")
	if !ok {
		return CAIName{}, false
	}
	service, path, ok := strings.Cut(strings.TrimRight(rest, "/"), "/")
	if !ok || service == "" || path == "" {
		return CAIName{}, false
	}
	parsed := CAIName{Service: service, Short: path[strings.LastIndexByte(path, '/')+1:]}
	for key := ""; path != ""; {
		var segment string
		segment, path, _ = strings.Cut(path, "/")
		switch {
		case key == "projects" && parsed.Project == "":
			parsed.Project = segment
		case (key == "zones" || key == "regions" || key == "locations") && parsed.Location == "":
			parsed.Location = segment
		}
		key = segment
	}
	return parsed, true
}

// CAIService gives the service of an asset type: compute.googleapis.com for
// compute.googleapis.com/Instance. The few types without a slash end their service at the domain.
func CAIService(assetType string) string {
	if service, _, ok := strings.Cut(assetType, "/"); ok {
		return service
	}
	const domain = ".googleapis.com"
	if i := strings.Index(assetType, domain); i >= 0 {
		return assetType[:i+len(domain)]
	}
	return assetType
}

// CAIAncestors turns an ancestry path as exports to a bucket have it, organization first and in
// the singular or plural (organization/1/folder/2/project/3), into ancestors as the API gives them,
// closest first: projects/3, folders/2, organizations/1.
func CAIAncestors(path string) []string {
	segments := strings.Split(strings.Trim(path, "/"), "/")
	var ancestors []string
	for i := len(segments)/2*2 - 2; i >= 0; i -= 2 {
		kind := segments[i]
		if kind == "" || segments[i+1] == "" {
			continue
		}
		if !strings.HasSuffix(kind, "s") {
			kind += "s"
		}
		ancestors = append(ancestors, kind+"/"+segments[i+1])
	}
	return ancestors
}
