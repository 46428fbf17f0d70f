package views

import (
	_ "embed" // the programs on the help pages are files, so that tests run what is shown
	"strings"
)

// Snippet is a program on a help page.
type Snippet struct {
	Name string // what it is written in
	Note string // what it takes to run it
	File string // what it is called
	Text string
}

// receivers are whole programs that verify, keep and answer. Tests run each of them.
func receivers() []Snippet {
	return []Snippet{
		{"Go", "standard library", "receiver.go", receiverGo},
		{"Node.js", "standard library", "receiver.mjs", receiverNode},
		{"Python", "standard library", "receiver.py", receiverPython},
		{"Ruby", "with WEBrick", "receiver.rb", receiverRuby},
		{"Shell", "with openssl, as a CGI program", "receiver.sh", receiverShell},
	}
}

// pipelines are what makes pipelines report, by where they run. Tests run the commands in each of them.
func pipelines() []Snippet {
	return []Snippet{
		{"GitHub Actions", "also Gitea and Forgejo", ".github/workflows/terraform.yml", onGitHub},
		{"GitLab CI", "", ".gitlab-ci.yml", onGitLab},
		{"Jenkins", "", "Jenkinsfile", onJenkins},
		{"Azure Pipelines", "", "azure-pipelines.yml", onAzure},
		{"Bitbucket Pipelines", "", "bitbucket-pipelines.yml", onBitbucket},
		{"CircleCI", "", ".circleci/config.yml", onCircle},
		{"Buildkite", "", ".buildkite/pipeline.yml", onBuildkite},
		{"Atlantis", "", "repos.yaml", onAtlantis},
	}
}

// anAddress stands in the snippets for the address of the installation that shows them.
const anAddress = "https://hooks.example.com"

// at is the snippet for an installation.
func (s Snippet) at(address string) Snippet {
	s.Text = strings.ReplaceAll(s.Text, anAddress, address)
	return s
}

var (
	//go:embed snippets/receiver.go.txt
	receiverGo string
	//go:embed snippets/receiver.mjs
	receiverNode string
	//go:embed snippets/receiver.py
	receiverPython string
	//go:embed snippets/receiver.rb
	receiverRuby string
	//go:embed snippets/receiver.sh
	receiverShell string

	//go:embed snippets/standard-secret.sh
	standardSecret string
	//go:embed snippets/start.sh
	startRun string
	//go:embed snippets/state.sh
	reportState string
	//go:embed snippets/report.sh
	reportScript string

	//go:embed snippets/steps.sh
	reportSteps string
	//go:embed snippets/github.yml
	onGitHub string
	//go:embed snippets/gitlab.yml
	onGitLab string
	//go:embed snippets/Jenkinsfile
	onJenkins string
	//go:embed snippets/azure.yml
	onAzure string
	//go:embed snippets/bitbucket.yml
	onBitbucket string
	//go:embed snippets/circleci.yml
	onCircle string
	//go:embed snippets/buildkite.yml
	onBuildkite string
	//go:embed snippets/atlantis.yml
	onAtlantis string
)
