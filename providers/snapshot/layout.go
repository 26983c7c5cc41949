package snapshot

import "slices"

// layout names the members of the objects around records, as the answers of an API have them.
type layout struct {
	// holders are the members that hold a list of records, texts the one whose records are strings of
	// JSON.
	holders []string
	texts   string
	// records are members that records have and answers do not.
	records []string
	// pages name a next page if they hold text.
	pages []string
	// notes are the members of an answer that its records cannot be understood without.
	notes []string
}

// layoutOf gives the layout of a format's answers.
func layoutOf(format string) layout {
	switch format {
	case GCP, Azure:
		return layout{
			holders: []string{"data", "value", "assets"},
			records: []string{"id", "name", "type", "properties", "assetType", "asset_type", "resource"},
			pages:   []string{"nextLink", "nextPageToken", "next_page_token", "skip_token", "skipToken", "$skipToken"},
		}
	case CloudControl:
		return layout{
			holders: []string{descriptions},
			records: []string{"Identifier", "Properties", "ResourceDescription"},
			pages:   []string{"NextToken"},
			notes:   []string{"TypeName", "Region", "AccountId"},
		}
	case Config:
		return layout{
			holders: []string{"configurationItems", "baseConfigurationItems", unprocessed, queryResults},
			texts:   queryResults,
			records: []string{"resourceType", "resourceId", "configuration"},
			pages:   []string{"nextToken", "NextToken"},
			notes:   []string{"QueryInfo"},
		}
	}
	return layout{}
}

func (l layout) holds(member string) bool { return slices.Contains(l.holders, member) }

// answer is an object that holds lists of records, as far as it was read.
type answer struct {
	// members are those before the first list and, of those after it, the layout's notes.
	members map[string]any
	// ended tells that nothing more of it will be read.
	ended bool
}

// nextPage tells whether the members of an answer name a page that should follow.
func (l layout) nextPage(members map[string]any) bool {
	for name, member := range members {
		if text, ok := member.(string); ok && text != "" && slices.Contains(l.pages, name) {
			return true
		}
	}
	return false
}
