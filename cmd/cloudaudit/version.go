package main

import (
	"context"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// facts are what `version` tells.
type facts struct {
	Version  string `json:"version"`
	Commit   string `json:"commit"`
	Modified bool   `json:"modified"`
	Time     string `json:"commitTime"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func (p *program) versionCommand() *cobra.Command {
	return command(about{
		use: "version", short: "Tell the version of the program and how it was built",
		long:    "version prints the version, the commit, the version of Go and the platform. What a build does not\nrecord is unknown.",
		example: "  cloudaudit version -o json",
	}, cobra.NoArgs, func(context.Context, []string) error { return p.show(buildFacts()) })
}

func buildFacts() facts {
	known := facts{Version: "unknown", Commit: "unknown", Time: "unknown", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return known
	}
	if info.Main.Version != "" {
		known.Version = info.Main.Version
	}
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			known.Commit = setting.Value
		case "vcs.time":
			known.Time = setting.Value
		case "vcs.modified":
			known.Modified = setting.Value == "true"
		}
	}
	return known
}
