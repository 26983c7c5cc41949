package policy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// manifestFile names every pack.
const manifestFile = "PulumiPolicy.yaml"

// Loader makes packs of directories and archives. The same files give the same Digest and Archive,
// wherever they come from. Both cover all files of the pack (README and manifest included) except
// hidden files and folders named testdata: test cases do not change what a pack judges.
type Loader struct {
	// Engines run the packs, by runtime.
	Engines map[string]Engine
}

// Path loads a directory or a .tar.gz file.
func (l Loader) Path(ctx context.Context, name string) (*Pack, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, fmt.Errorf("policy pack: %w", err)
	}
	if info.IsDir() {
		return l.Dir(ctx, name)
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("policy pack: %w", err)
	}
	pack, err := l.Archive(ctx, archiveName(name), file)
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return pack, nil
}

func archiveName(name string) string {
	name = filepath.Base(name)
	return strings.TrimSuffix(strings.TrimSuffix(name, ".tgz"), ".tar.gz")
}

// Dir loads a directory. The pack's default name is the directory's.
func (l Loader) Dir(ctx context.Context, name string) (*Pack, error) {
	absolute, err := filepath.Abs(name)
	if err != nil {
		return nil, fmt.Errorf("policy pack %s: %w", name, err)
	}
	return l.FS(ctx, filepath.Base(absolute), os.DirFS(absolute))
}

// FS loads a file system, an embedded one for instance. Name is the default of the pack's name.
func (l Loader) FS(ctx context.Context, name string, files fs.FS) (*Pack, error) {
	b, err := bundleFS(files)
	if err != nil {
		return nil, fmt.Errorf("policy pack %s: %w", name, err)
	}
	return l.load(ctx, name, b)
}

// Archive loads a .tar.gz, whose files stand at its root or all under one folder. The pack's
// default name is that folder's, else name.
func (l Loader) Archive(ctx context.Context, name string, archive io.Reader) (*Pack, error) {
	b, top, err := bundleArchive(archive)
	if err != nil {
		return nil, fmt.Errorf("policy pack %s: %w", name, err)
	}
	if top != "" && top != "package" {
		name = top
	}
	return l.load(ctx, name, b)
}

// Unpack gives the files of a pack's Archive, for engines that compile a stored pack anew.
func Unpack(archive []byte) (fs.FS, error) {
	b, _, err := bundleArchive(bytes.NewReader(archive))
	if err != nil {
		return nil, err
	}
	return b.fs()
}

// Digest identifies the files of a pack as Pack.Digest does.
func Digest(files fs.FS) (string, error) {
	b, err := bundleFS(files)
	if err != nil {
		return "", err
	}
	return b.digest(), nil
}

func (l Loader) load(ctx context.Context, name string, b bundle) (*Pack, error) {
	files, err := b.fs()
	if err != nil {
		return nil, err
	}
	manifest, err := ReadManifest(files)
	if err != nil {
		return nil, fmt.Errorf("policy pack %s: %w", name, err)
	}
	if manifest.Name == "" {
		manifest.Name = name
	}
	if err := CheckName("policy pack", manifest.Name); err != nil {
		return nil, fmt.Errorf("%s: %w", manifestFile, err)
	}
	engine, ok := l.Engines[manifest.Runtime]
	if !ok {
		return nil, fmt.Errorf("policy pack %s: %s: runtime %q is not supported; use %s", manifest.Name, manifestFile,
			manifest.Runtime, strings.Join(slices.Sorted(maps.Keys(l.Engines)), " or "))
	}
	pack, err := engine.Load(ctx, manifest, files)
	if err != nil {
		return nil, fmt.Errorf("policy pack %s: %w", manifest.Name, err)
	}
	manifest.describe(pack)
	pack.Readme, pack.Digest = b.readme(), b.digest()
	if pack.Archive, err = b.archive(); err != nil {
		return nil, err
	}
	if err := checkInitial(pack); err != nil {
		return nil, fmt.Errorf("policy pack %s: %s: initialConfig: %w", manifest.Name, manifestFile, err)
	}
	return pack, nil
}

func (m Manifest) describe(pack *Pack) {
	pack.Name, pack.Runtime, pack.VersionTag, pack.Initial = m.Name, m.Runtime, m.Version, m.Initial
	if m.DisplayName != "" {
		pack.DisplayName = m.DisplayName
	}
	if pack.DisplayName == "" {
		pack.DisplayName = m.Name
	}
	if m.Description != "" {
		pack.Description = m.Description
	}
}

// checkInitial finds misspelt policies and wrong properties of the pack's own config while the
// author is looking. A required property may be left for groups to give.
func checkInitial(pack *Pack) error {
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(pack.Initial)) {
		if _, known := pack.Policy(name); !known && name != AllPolicies {
			faults = append(faults, fmt.Errorf("the pack has no policy %q%s", name, hint(name, policyNames(pack))))
		}
	}
	return errors.Join(faults...)
}

func policyNames(pack *Pack) []string {
	names := make([]string, len(pack.Policies))
	for i, p := range pack.Policies {
		names[i] = p.Name
	}
	return names
}

// rawManifest is the manifest as it is written.
type rawManifest struct {
	Name        string      `yaml:"name"`
	DisplayName string      `yaml:"displayName"`
	Description string      `yaml:"description"`
	Runtime     runtimeNode `yaml:"runtime"`
	Version     string      `yaml:"version"`
	Main        string      `yaml:"main"`
	Author      string      `yaml:"author"`
	Website     string      `yaml:"website"`
	License     string      `yaml:"license"`
	InputFormat string      `yaml:"inputFormat"`
	Initial     configNode  `yaml:"initialConfig"`
}

// runtimeNode is a runtime's name, alone or with options.
type runtimeNode struct {
	Name    string         `yaml:"name"`
	Options map[string]any `yaml:"options"`
}

// UnmarshalNode takes a string or an object.
func (r *runtimeNode) UnmarshalNode(n *Node) error {
	if _, ok := n.Value.(string); ok {
		return n.Decode(&r.Name)
	}
	type plain runtimeNode
	return n.Decode((*plain)(r))
}

// configNode is a Config in YAML.
type configNode struct{ Config }

// UnmarshalNode takes a level or an object per policy.
func (c *configNode) UnmarshalNode(n *Node) error {
	fields, ok := n.Value.([]Field)
	if !ok {
		return n.Errorf("want an object of policies, have %s", n.kind())
	}
	c.Config = Config{}
	var faults []error
	for _, field := range fields {
		setting, err := newSetting(field.Value)
		if err != nil {
			faults = append(faults, err)
		}
		c.Config[field.Key.text()] = setting
	}
	return errors.Join(faults...)
}

func newSetting(n *Node) (Setting, error) {
	setting := Setting{}
	switch value := n.Plain().(type) {
	case string:
		setting.Level = Level(value)
	case map[string]any:
		level, given := value[levelKey]
		delete(value, levelKey)
		setting.Properties = value
		if !given {
			return setting, nil
		}
		text, _ := level.(string)
		setting.Level = Level(text)
	default:
		return setting, n.Errorf("want an enforcement level or an object, have %s", n.kind())
	}
	if err := setting.checkLevel(); err != nil {
		return setting, n.Errorf("%w", err)
	}
	return setting, nil
}

var semver = regexp.MustCompile(`^v?(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$`)

// ReadManifest reads and checks a pack's PulumiPolicy.yaml.
func ReadManifest(files fs.FS) (Manifest, error) {
	data, err := fs.ReadFile(files, manifestFile)
	if errors.Is(err, fs.ErrNotExist) {
		return Manifest{}, fmt.Errorf("no %s at its root, so it is not a policy pack", manifestFile)
	}
	if err != nil {
		return Manifest{}, err
	}
	nodes, err := ParseYAML(manifestFile, data)
	if err != nil {
		return Manifest{}, err
	}
	if len(nodes) != 1 {
		return Manifest{}, fmt.Errorf("%s: want one document, have %d", manifestFile, len(nodes))
	}
	var raw rawManifest
	if err := nodes[0].Decode(&raw); err != nil {
		return Manifest{}, err
	}
	return raw.manifest()
}

func (raw rawManifest) manifest() (Manifest, error) {
	m := Manifest{
		Name: raw.Name, DisplayName: raw.DisplayName, Description: raw.Description, Runtime: raw.Runtime.Name,
		Options: raw.Runtime.Options, Version: raw.Version, Main: filepath.ToSlash(raw.Main), Author: raw.Author,
		Website: raw.Website, License: raw.License, InputFormat: raw.InputFormat, Initial: raw.Initial.Config,
	}
	var faults []error
	if m.Runtime == "" {
		faults = append(faults, fmt.Errorf("%s: runtime is missing; give for instance runtime: %s", manifestFile, RuntimeCEL))
	}
	if m.Version != "" && !semver.MatchString(m.Version) {
		faults = append(faults, fmt.Errorf("%s: version %q is not a semantic version such as 1.2.3", manifestFile, m.Version))
	}
	if m.Main = strings.TrimSuffix(strings.TrimPrefix(m.Main, "./"), "/"); m.Main == "" {
		m.Main = "."
	}
	if !fs.ValidPath(m.Main) {
		faults = append(faults, fmt.Errorf("%s: main %q: use a folder inside the pack", manifestFile, m.Main))
	}
	return m, errors.Join(faults...)
}
