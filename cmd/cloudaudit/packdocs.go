package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"text/template"

	"github.com/spf13/cobra"

	"cloudaudit/policy"
)

//go:embed templates/pack.md
var packPage string

func (p *program) packsDocs() *cobra.Command {
	return command(about{
		use: "docs PACK", short: "Write a page about a pack and its policies",
		long:    "docs writes a Markdown page about a pack: one that is built in, or the one in a folder.",
		example: "  cloudaudit packs docs gcp-foundations > gcp-foundations.md\n  cloudaudit packs docs packs/own",
	}, cobra.ExactArgs(1), func(ctx context.Context, args []string) error {
		pack, err := p.packs.builtin(ctx, args[0])
		if err == nil && pack == nil {
			if info, fault := os.Stat(args[0]); fault != nil || !info.IsDir() {
				return usage(errors.New("no pack " + args[0] + " is built in, and it is no folder; `cloudaudit packs list --builtin` tells the names"))
			}
			pack, _, _, err = p.packIn(ctx, args[0])
		}
		if err != nil {
			return err
		}
		return writePackPage(p.stdout, pack)
	})
}

// writePackPage writes the page of a pack.
func writePackPage(w io.Writer, pack *policy.Pack) error {
	page, err := template.New("pack").Funcs(template.FuncMap{
		"cell": cell, "types": typesOf, "controls": controlsOf, "parameters": parametersOf, "kind": kindOf,
	}).Parse(packPage)
	if err != nil {
		return err
	}
	return page.Execute(w, pack)
}

// cell is a text that may stand in a cell of a Markdown table.
func cell(text string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(text), " "), "|", `\|`)
}

func typesOf(of policy.Policy) string {
	if len(of.Types) == 0 {
		return "any"
	}
	return "`" + strings.Join(of.Types, "`, `") + "`"
}

func controlsOf(of policy.Policy) string {
	names := make([]string, len(of.Controls))
	for i, control := range of.Controls {
		names[i] = control.String()
	}
	return strings.Join(names, ", ")
}

func kindOf(of policy.Policy) string {
	if of.Kind == policy.OnAccount {
		return "account"
	}
	return "resource"
}

// parameter is a property that groups may set.
type parameter struct{ Name, Type, Default, Description string }

func parametersOf(of policy.Policy) (list []parameter) {
	if of.Schema == nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(of.Schema.Properties)) {
		p := parameter{Name: name}
		if property, ok := of.Schema.Properties[name].(map[string]any); ok {
			p.Type, _ = property["type"].(string)
			p.Description, _ = property["description"].(string)
			if value, given := property["default"]; given {
				data, err := json.Marshal(value)
				if err != nil {
					data = fmt.Append(nil, value)
				}
				p.Default = string(data)
			}
		}
		list = append(list, p)
	}
	return list
}
