// Command stackhook is the server, the demo and the commands for the shell. It reads the settings, wires the packages
// and prints; everything else happens in them. It is the only package that reads the environment, and it may import
// every other one.
//
// Read commands below for what there is, settings.go for how it is set up, server.go for how the parts are joined.
//
// What a script wants to have, a token, a link or an id, is alone on stdout; words about it go to stderr. Errors are one
// line on stderr with exit code 1, wrong usage is one line with exit code 2.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
)

// commands are all commands, in the order in which --help lists them.
type commands struct {
	Serve   serveCommand   `cmd:"" help:"Run the server."`
	Demo    demoCommand    `cmd:"" help:"Run a server with sample stacks, webhooks, runs and a practice receiver."`
	Exec    execCommand    `cmd:"" help:"Run Terraform or OpenTofu, and report the run."`
	Report  reportCommands `cmd:"" help:"Report a run from the steps of a pipeline."`
	User    userCommands   `cmd:"" help:"Manage who may sign in."`
	Token   tokenCommands  `cmd:"" help:"Manage API tokens."`
	Stack   stackCommands  `cmd:"" help:"Manage stacks."`
	Key     keyCommands    `cmd:"" help:"Replace the key that seals the webhooks' secrets."`
	Backup  backupCommand  `cmd:"" help:"Copy a SQLite database while a server runs on it."`
	Version versionCommand `cmd:"" help:"Print version, commit and Go version."`
}

// Exit codes.
const (
	exitFailure = 1
	exitUsage   = 2
)

// terminal is what a command reads from and prints to.
type terminal struct {
	In       io.Reader
	Out, Err io.Writer
}

func main() {
	os.Exit(run(os.Args[1:], &terminal{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
}

// run carries out one command line and returns its exit code.
func run(args []string, t *terminal) int {
	forgetEmptySettings()
	ctx, stop := untilSignal()
	defer stop()
	parser := kong.Must(&commands{}, kong.Name("stackhook"),
		kong.Description("Sends signed webhooks about infrastructure runs, and shows what became of them."),
		kong.Writers(t.Out, t.Err), kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 120}),
		kong.Bind(t), kong.BindTo(ctx, (*context.Context)(nil)))
	command, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(t.Err, "stackhook: %s (“%s --help” says more)\n", oneLine(err), named(err))
		return exitUsage
	}
	if err := command.Run(); err != nil {
		if code, is := errors.AsType[exitCode](err); is {
			return int(code)
		}
		fmt.Fprintf(t.Err, "stackhook: %s\n", oneLine(err))
		return exitFailure
	}
	return 0
}

// untilSignal returns a context that ends at the first signal to end. A second one then ends the process at once: the
// signals have their usual effect again before anything here can notice that the context has ended, which
// [signal.NotifyContext] does not promise.
func untilSignal() (context.Context, context.CancelFunc) {
	ctx, end := context.WithCancel(context.Background())
	came := make(chan os.Signal, 1)
	signal.Notify(came, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case <-came:
		case <-ctx.Done():
		}
		signal.Stop(came)
		end()
	}()
	return ctx, end
}

// forgetEmptySettings makes an empty variable mean what an unset one means, the default: container set-ups pass on
// variables that nobody filled in.
func forgetEmptySettings() {
	for _, variable := range os.Environ() {
		if name, value, _ := strings.Cut(variable, "="); value == "" && strings.HasPrefix(name, "STACKHOOK_") {
			os.Unsetenv(name) // fails only for names that the environment cannot hold
		}
	}
}

// named returns the command that the error is about, as far as it was recognised.
func named(err error) string {
	var wrong *kong.ParseError
	if errors.As(err, &wrong) && wrong.Context != nil {
		if command := wrong.Context.Command(); command != "" {
			return "stackhook " + command
		}
	}
	return "stackhook"
}

// oneLine keeps errors that were joined, or that quote others, on one line.
func oneLine(err error) string {
	return strings.Join(strings.FieldsFunc(err.Error(), func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
}
