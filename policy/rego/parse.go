package rego

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// testSuffix ends the names of files with tests, and of packages that hold nothing else.
const testSuffix = "_test"

// sources are the parsed files of a pack.
type sources struct {
	names   []string // of modules, in the order of the files
	modules map[string]*ast.Module
	// tests are the modules of a test package, which no policy needs.
	tests map[string]*ast.Module
	pkg   ast.Ref
	// library tells that a file speaks of our library.
	library bool
	format  format
}

// dialects are the ways in which a file may be written, tried in turn: the syntax of old packs,
// which imports can make new; the same with the new keywords for files that forgot the import; and
// that of today.
var dialects = []ast.ParserOptions{
	{RegoVersion: ast.RegoV0}, {RegoVersion: ast.RegoV0, AllFutureKeywords: true}, {RegoVersion: ast.RegoV1},
}

// readSources parses all .rego files below the root. All faults are returned together.
func readSources(files fs.FS, root string, f format) (*sources, error) {
	s := &sources{modules: map[string]*ast.Module{}, tests: map[string]*ast.Module{}, format: f}
	var faults []error
	err := fs.WalkDir(files, root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if entry.Name() == "testdata" {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(name) == ".rego" {
			faults = append(faults, s.read(files, name))
		}
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("PulumiPolicy.yaml: main: the pack has no folder %q", root)
	}
	if err = errors.Join(append(faults, err)...); err != nil {
		return nil, err
	}
	if len(s.modules) == 0 {
		return nil, fmt.Errorf("no policies: no .rego file with rules in folder %q", root)
	}
	return s, nil
}

func (s *sources) read(files fs.FS, name string) error {
	data, err := fs.ReadFile(files, name)
	if err != nil {
		return err
	}
	s.library = s.library || bytes.Contains(data, []byte(libraryRoot.String()))
	module, err := parse(name, string(data), true)
	if err != nil && s.format != plain && !ours.Match(data) {
		if foreign, plainErr := parse(name, string(data), false); plainErr == nil {
			module, err = foreign, nil
		}
	}
	if err != nil || module == nil {
		return err
	}
	if strings.HasSuffix(strings.TrimSuffix(name, ".rego"), testSuffix) && strings.HasSuffix(module.Package.Path.String(), testSuffix) {
		s.tests[name] = module
		return nil
	}
	s.names = append(s.names, name)
	s.modules[name] = module
	return s.samePackage(module)
}

// ours finds the keys of METADATA that only our packs have. In a file with one of them, METADATA that
// cannot be read are a fault. Others were made for Pulumi, which did not always read METADATA, so
// that some hold no YAML or stand in the wrong place: such a file goes without.
var ours = regexp.MustCompile(`(?m)^#\s+(severity|frameworks|types|remediation):`)

// samePackage holds that all files of a pack declare one package, and not one of ours.
func (s *sources) samePackage(module *ast.Module) error {
	pkg := module.Package.Path
	switch {
	case pkg.HasPrefix(libraryRoot):
		return fault(module.Package.Location, "package %s is reserved; choose another", dotted(pkg))
	case s.pkg == nil:
		s.pkg = pkg
	case !s.pkg.Equal(pkg):
		return fault(module.Package.Location, "package %s: all files of a pack declare the same package, and %s declares %s",
			dotted(pkg), s.names[0], dotted(s.pkg))
	}
	return nil
}

// dotted writes a package's path as its files do.
func dotted(pkg ast.Ref) string { return strings.TrimPrefix(pkg.String(), "data.") }

// emptyModule is what the parser says of a file that holds at most comments.
const emptyModule = "empty module"

// errorsOf gives the errors of the parser, which come alone or as a list.
func errorsOf(err error) ast.Errors {
	var list ast.Errors
	var one *ast.Error
	switch {
	case errors.As(err, &list) && len(list) > 0:
		return list
	case errors.As(err, &one):
		return ast.Errors{one}
	}
	return nil
}

// parse reads one file; nil for one that holds at most comments. Of the dialects that fail, the one that came furthest is heard: the file is
// most likely written in it.
func parse(name, text string, annotated bool) (*ast.Module, error) {
	var best ast.Errors
	for _, options := range dialects {
		options.ProcessAnnotation, options.Capabilities = annotated, allowed
		module, err := ast.ParseModuleWithOpts(name, text, options)
		if err == nil {
			return module, nil
		}
		found := errorsOf(err)
		if found == nil {
			return nil, fmt.Errorf("%s: not readable as Rego", name)
		}
		if found[0].Message == emptyModule {
			return nil, nil
		}
		if best == nil || further(found, best) {
			best = found
		}
	}
	return nil, regoFaults(best)
}

func further(a, b ast.Errors) bool { return row(a) > row(b) }

// row is the line of the first error.
func row(errs ast.Errors) int {
	first := 0
	for _, e := range errs {
		if e.Location != nil && (first == 0 || e.Location.Row < first) {
			first = e.Location.Row
		}
	}
	return first
}

// fault makes an error that names its place.
func fault(at *ast.Location, format string, arguments ...any) error {
	err := fmt.Errorf(format, arguments...)
	if at == nil {
		return err
	}
	return fmt.Errorf("%s:%d:%d: %w", at.File, at.Row, at.Col, err)
}

// regoFaults gives the parser's and compiler's errors in our form, each once.
func regoFaults(errs ast.Errors) error {
	faults := make([]error, 0, len(errs))
	seen := map[string]bool{}
	for _, e := range errs {
		err := fault(e.Location, "%s", explain(e.Message))
		if !seen[err.Error()] && !slices.ContainsFunc(errs, func(other *ast.Error) bool { return saysMore(other, e) }) {
			seen[err.Error()] = true
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}

// saysMore tells whether an error says all that another of the same place says, and more.
func saysMore(other, e *ast.Error) bool {
	return other.Location != nil && e.Location != nil && other.Location.Compare(e.Location) == 0 && strings.HasPrefix(other.Message, e.Message+":")
}

// explain says why a function is not there.
func explain(message string) string {
	message, _, _ = strings.Cut(message, "\n")
	name, undefined := strings.CutPrefix(message, "undefined function ")
	if why := withheld[name]; undefined && why != "" {
		return fmt.Sprintf("%s is not available: %s", name, why)
	}
	return cmp.Or(message, "not readable as Rego")
}
