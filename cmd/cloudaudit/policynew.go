package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"cloudaudit/policy"
)

//go:embed templates
var templates embed.FS

const newLong = `new makes a policy pack in DIR with one policy and its cases, ready to be changed: a policy that is about
any type, with a parameter. If DIR holds a pack already, the policy is added to it. No file is ever
overwritten.`

func (p *program) policyNew() *cobra.Command {
	var runtime, name string
	create := command(about{
		use: "new DIR", short: "Make a policy pack, or add a policy to one", long: newLong,
		example: "  cloudaudit policy new packs/own\n  cloudaudit policy new packs/own --name bucket-names\n  cloudaudit policy new packs/rules --runtime opa",
	}, cobra.ExactArgs(1), func(_ context.Context, args []string) error { return p.newPolicy(args[0], runtime, name) })
	create.Flags().StringVar(&runtime, "runtime", policy.RuntimeCEL, "the language: cel, or opa for Rego")
	create.Flags().StringVar(&name, "name", "resource-owner", "the policy's name")
	return create
}

func (p *program) newPolicy(dir, runtime, name string) error {
	if err := policy.CheckName("policy", name); err != nil {
		return usage(err)
	}
	manifest, err := policy.ReadManifest(os.DirFS(dir))
	fresh := err != nil
	if fresh {
		if _, err := os.Stat(filepath.Join(dir, "PulumiPolicy.yaml")); err == nil {
			return fmt.Errorf("%s holds a pack that cannot be read; mend it first", dir)
		}
		manifest = policy.Manifest{Name: filepath.Base(dir), Runtime: runtime, Main: "."}
	}
	if err := policy.CheckName("policy pack", manifest.Name); err != nil {
		return usage(fmt.Errorf("%w; choose another folder", err))
	}
	files, err := newFiles(manifest, name, fresh)
	if err != nil {
		return err
	}
	if err := writeNew(dir, files); err != nil {
		return err
	}
	for _, file := range files {
		fmt.Fprintln(p.stdout, filepath.Join(dir, file.name))
	}
	_, err = fmt.Fprintf(p.stdout, "Next: change %s, then cloudaudit policy test %s\n", filepath.Join(dir, files[len(files)-4].name), dir)
	return err
}

// newFile is a file that is to be written.
type newFile struct{ name, text string }

// newFiles fills in the templates of the runtime.
func newFiles(manifest policy.Manifest, name string, fresh bool) ([]newFile, error) {
	template, rule := "templates/cel", "rule.yaml"
	words := strings.NewReplacer("NAME", manifest.Name, "RULE", name)
	if manifest.Runtime == policy.RuntimeOPA {
		template, rule = "templates/opa", "rule.rego"
		name = "deny_" + strings.NewReplacer("-", "_", ".", "_").Replace(name)
		words = strings.NewReplacer("NAME", manifest.Name, "RULE", name, "HELPER", "tag_of_"+strings.TrimPrefix(name, "deny_"), "package own", "package "+packageName(manifest.Name))
	} else if manifest.Runtime != policy.RuntimeCEL {
		return nil, usage(fmt.Errorf("--runtime %s: use cel, or opa for Rego", manifest.Runtime))
	}
	var files []newFile
	if fresh {
		files = append(files, newFile{"PulumiPolicy.yaml", template + "/PulumiPolicy.yaml"})
	}
	files = append(files, newFile{path.Join(manifest.Main, name+path.Ext(rule)), template + "/" + rule})
	for _, kind := range []string{"pass", "fail", "unknown"} {
		files = append(files, newFile{path.Join("testdata", name, kind+".yaml"), "templates/cases/" + kind + ".yaml"})
	}
	for i, file := range files {
		text, err := templates.ReadFile(file.text)
		if err != nil {
			return nil, err
		}
		files[i].text = words.Replace(string(text))
	}
	return files, nil
}

// packageName makes a name that Rego takes.
func packageName(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, "p_"+name)
}

// writeNew writes files that are not there yet: all or none.
func writeNew(dir string, files []newFile) error {
	for _, file := range files {
		if _, err := os.Stat(filepath.Join(dir, file.name)); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s is there already; choose another --name", filepath.Join(dir, file.name))
		}
	}
	for _, file := range files {
		name := filepath.Join(dir, filepath.FromSlash(file.name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(name, []byte(file.text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
