package rego

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"

	"github.com/open-policy-agent/opa/v1/ast"

	"cloudaudit/policy"
)

// allowed is what policies can do. It is never changed.
var allowed = capabilities()

// unit is a compiled pack: immutable, shared by all sessions.
type unit struct {
	compiler *ast.Compiler
	modules  map[string]*ast.Module // the pack's own, by file
	format   format
	policies []*compiled
}

// compiled is a policy ready to be prepared.
type compiled struct {
	name    string
	message string
	types   []string
	// rule is the path of the policy's rule.
	rule ast.Ref
	// account tells a policy that sees the account's inventory.
	account bool
	// set tells that the rule gives a set, whose elements are its keys.
	set   bool
	facts *facts
}

func compile(ctx context.Context, manifest policy.Manifest, files fs.FS) (*policy.Pack, *unit, error) {
	root := manifest.Main
	if root == "" {
		root = "."
	}
	f, err := formatOf(manifest.InputFormat)
	if err != nil {
		return nil, nil, err
	}
	shared.RLock()
	defer shared.RUnlock()
	s, err := readSources(files, root, f)
	if err != nil {
		return nil, nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	compiler, err := s.compile(s.modules)
	if err != nil {
		return nil, nil, err
	}
	if err := checkNesting(compiler); err != nil {
		return nil, nil, err
	}
	p := &packer{sources: s, unit: &unit{compiler: compiler, modules: s.modules, format: f}, pack: &policy.Pack{
		Name: manifest.Name, DisplayName: manifest.DisplayName, Description: manifest.Description,
		Runtime: policy.RuntimeOPA, VersionTag: manifest.Version, Initial: manifest.Initial,
	}}
	if err := p.fill(files, root); err != nil {
		return nil, nil, err
	}
	return p.pack, p.unit, nil
}

// compile compiles modules together with what they use of our library.
func (s *sources) compile(modules map[string]*ast.Module) (*ast.Compiler, error) {
	all := maps.Clone(modules)
	if s.library {
		maps.Copy(all, libraryModules)
	}
	compiler := ast.NewCompiler().WithCapabilities(allowed).SetErrorLimit(0)
	compiler.Compile(all)
	if compiler.Failed() {
		return nil, regoFaults(compiler.Errors)
	}
	return compiler, nil
}

// packer gathers the policies of a pack.
type packer struct {
	*sources
	unit *unit
	pack *policy.Pack
}

func (p *packer) fill(files fs.FS, root string) error {
	p.packageMetadata()
	schemas, err := readSchemas(files, root)
	faults := []error{err}
	rules := p.rules()
	for _, r := range rules {
		faults = append(faults, p.add(r, schemas))
	}
	faults = append(faults, schemas.unused(rules))
	if err := errors.Join(faults...); err != nil {
		return err
	}
	if len(rules) == 0 {
		return fmt.Errorf("no policies: no rule is named deny, warn or violation, alone or with _ and more, or so after stack_")
	}
	return nil
}

// add makes a policy of a rule.
func (p *packer) add(r *rule, schemas schemas) error {
	faults := []error{r.shape()}
	path := p.pkg.Append(ast.InternedTerm(r.name))
	facts := newFacts(p.unit.compiler, p.unit.format, r.name, path, r.account)
	meta, err := r.metadata()
	faults = append(faults, err)
	meta.Schema = schemas.of(r.name, facts)
	if meta.Schema != nil {
		if err := meta.Schema.Check(); err != nil {
			faults = append(faults, fmt.Errorf("%s: policy %s: %w", schemaFile, r.name, err))
		}
	}
	if meta.Types == nil {
		meta.Types = facts.pinned()
	}
	meta.Reads, meta.Clock = facts.reads(), facts.clock
	p.pack.Policies = append(p.pack.Policies, meta)
	p.unit.policies = append(p.unit.policies, &compiled{
		name: r.name, message: cmp.Or(meta.Message, meta.DisplayName), types: meta.Types, rule: path,
		account: r.account, set: r.set, facts: facts,
	})
	return errors.Join(faults...)
}
