package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"cloudaudit/policy"
)

func (p *program) policyCommand() *cobra.Command {
	return family(about{
		use: "policy", short: "Write, check and explain policies",
		long: "These commands are for authors of policy packs. They need no configuration and no database, but for\n" +
			"explain, which looks at a resource of the store.",
		example: "  cloudaudit policy new packs/own\n  cloudaudit policy test packs/own",
	}, p.policyNew(), p.policyTest(), p.policyLint(), p.policyExplain())
}

// packIn loads the pack in a folder, with what runs it.
func (p *program) packIn(ctx context.Context, dir string) (*policy.Pack, policy.Engine, fs.FS, error) {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, nil, nil, usage(fmt.Errorf("%s is no folder; make a pack by `cloudaudit policy new %s`", dir, dir))
	}
	engines := p.packs.running()
	pack, err := policy.Loader{Engines: engines}.Dir(ctx, dir)
	if err != nil {
		return nil, nil, nil, err
	}
	return pack, engines[pack.Runtime], os.DirFS(dir), nil
}

// folder is the one argument of a command, the working directory without it.
func folder(args []string) string {
	if len(args) == 0 {
		return "."
	}
	return args[0]
}
