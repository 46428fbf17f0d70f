package views

import _ "embed" // the programs on the help pages are files, so that tests run what is shown

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
)
