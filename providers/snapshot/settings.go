package snapshot

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"cloudaudit/providers"
	"cloudaudit/providers/shape"
)

// Formats of inventories.
const (
	GCP          = "gcp-cai"
	Azure        = "azure-resource-graph"
	CloudControl = "aws-cloudcontrol"
	Config       = "aws-config"
	Dump         = "cloudaudit"
)

// Content types that snapshot.content may declare. Declared content is whole: where a listing is
// complete, a resource without it has none. Resource is always expected.
const (
	Resource     = shape.CAIContentResource
	IAMPolicy    = shape.CAIContentIAMPolicy
	OrgPolicy    = shape.CAIContentOrgPolicy
	AccessPolicy = shape.CAIContentAccessPolicy
)

// DefaultMaxRecordBytes is the size above which a record is not read, unless the settings say
// otherwise.
const DefaultMaxRecordBytes = 16 << 20

// Settings is the section "snapshot" of an account.
type Settings struct {
	// Format is the kind of inventory, one of Formats.
	Format string `json:"format"`
	// Path is an absolute path of a file or directory, or a pattern as in filepath.Match. Of a
	// directory, the files that end in .json, .ndjson or .jsonl, with or without .gz or .zst, are
	// read, at any depth.
	Path string `json:"path"`
	// Types restricts the inventory to these types; others in the files are passed over.
	Types []string `json:"types,omitempty"`
	// Content declares which content types the files hold.
	Content []string `json:"content,omitempty"`
	// AccountID is the cloud's id of the account, where the files do not tell.
	AccountID string `json:"accountId,omitempty"`
	// Region stands in for a region that a record lacks; providers.Global by default.
	Region string `json:"region,omitempty"`
	// MaxRecordBytes bounds the size of a record.
	MaxRecordBytes int64 `json:"maxRecordBytes,omitempty"`
}

// Formats lists the known formats.
func Formats() []string { return []string{CloudControl, Config, Azure, Dump, GCP} }

// CloudOf gives the cloud whose resources the files hold. Of dumps, the first one that can be read
// tells; it is empty while none can.
func CloudOf(ctx context.Context, settings Settings) string {
	if settings.Format != Dump {
		return Cloud(settings.Format)
	}
	for _, f := range find(settings.Path, nil) {
		d := dumpReader{reader: reader{file: f, settings: settings}}
		if f.err != nil {
			continue
		}
		if err := eachPiece(ctx, f, settings, d.head); (err == nil || errors.Is(err, errBegun)) && d.header != nil {
			return d.header.Cloud
		}
	}
	return ""
}

// Cloud gives the cloud whose resources a format holds, empty for Dump, whose files tell, and for an
// unknown format.
func Cloud(format string) string {
	switch format {
	case GCP:
		return providers.GCP
	case Azure:
		return providers.Azure
	case CloudControl, Config:
		return providers.AWS
	}
	return ""
}

// ParseSettings decodes and checks settings. Unknown keys are errors.
func ParseSettings(data json.RawMessage) (Settings, error) {
	var settings Settings
	if len(bytes.TrimSpace(data)) == 0 {
		return settings, errors.New("the section snapshot is missing: give it a format and a path")
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&settings); err != nil {
		return Settings{}, fmt.Errorf("read the section snapshot: %w", err)
	}
	if err := settings.Validate(); err != nil {
		return Settings{}, err
	}
	return settings, nil
}

// Validate joins everything that is wrong with the settings.
func (s Settings) Validate() error {
	var errs []error
	if !slices.Contains(Formats(), s.Format) {
		errs = append(errs, fmt.Errorf("snapshot.format %q is unknown: use one of %s", s.Format, strings.Join(Formats(), ", ")))
	}
	if s.Path == "" {
		errs = append(errs, errors.New("snapshot.path is missing: name a file, a directory or a pattern"))
	} else if !filepath.IsAbs(s.Path) {
		errs = append(errs, fmt.Errorf("snapshot.path %q is not absolute", s.Path))
	}
	if s.Format == Dump && len(s.Content) > 0 {
		errs = append(errs, errors.New("snapshot.content is for exports of a cloud: remove it, a dump tells by itself what it holds"))
	}
	for _, content := range s.Content {
		if known := contents(s.Format); len(known) > 0 && !slices.Contains(known, content) {
			errs = append(errs, fmt.Errorf("snapshot.content %q is unknown for %s: use %s", content, s.Format, strings.Join(known, ", ")))
		}
	}
	if slices.Contains(s.Types, "") {
		errs = append(errs, errors.New("snapshot.types holds an empty name: remove it"))
	}
	if s.MaxRecordBytes < 0 {
		errs = append(errs, fmt.Errorf("snapshot.maxRecordBytes %d is negative: leave it out for %d", s.MaxRecordBytes, DefaultMaxRecordBytes))
	}
	return errors.Join(errs...)
}

func contents(format string) []string {
	switch format {
	case GCP:
		return []string{Resource, IAMPolicy, OrgPolicy, AccessPolicy}
	case Azure, CloudControl, Config:
		return []string{Resource}
	}
	return nil
}

// planned gives the types of the settings in canonical case.
func (s Settings) planned() []string {
	types := slices.Clone(s.Types)
	for i := range types {
		switch s.Format {
		case Azure:
			types[i] = shape.ARMType(types[i])
		case Config:
			types[i] = shape.AWSConfigType(types[i])
		}
	}
	slices.Sort(types)
	return slices.Compact(types)
}

// whole names the facets that the files hold wholly.
func (s Settings) whole() []string {
	var facets []string
	for _, content := range contents(s.Format) {
		if slices.Contains(s.Content, content) {
			facets = append(facets, shape.CAIFacets(content)...)
		}
	}
	return facets
}

func (s Settings) limit() int {
	if s.MaxRecordBytes == 0 {
		return DefaultMaxRecordBytes
	}
	return int(min(s.MaxRecordBytes, 1<<30))
}
