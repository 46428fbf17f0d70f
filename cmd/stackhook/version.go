package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// version is set by a release's build with -ldflags "-X main.version=v1.2.3"; otherwise the Go tool knows.
var version string

type versionCommand struct{}

// Run prints what was built from what with what.
func (versionCommand) Run(t *terminal) error {
	_, err := fmt.Fprintf(t.Out, "stackhook %s\ncommit %s\n%s %s/%s\n", buildVersion(), buildCommit(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}

// buildVersion is the version that this was built as, "dev" if the build does not say.
func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	switch {
	case version != "":
		return version
	case ok && info.Main.Version != "" && info.Main.Version != "(devel)":
		return info.Main.Version
	}
	return "dev"
}

// buildCommit is the commit that this was built from, "unknown" if the build does not say.
func buildCommit() string {
	commit, modified := "unknown", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, setting := range info.Settings {
			switch {
			case setting.Key == "vcs.revision":
				commit = setting.Value
			case setting.Key == "vcs.modified" && setting.Value == "true":
				modified = " (modified)"
			}
		}
	}
	return commit + modified
}
