// Command bench measures Stackhook against what the machine could do at most: real server processes on databases of their
// own, clients that report runs over HTTP, and receivers, all on loopback. Each line is a ratio of two things that were
// measured in the same run, with what it should reach.
//
// It starts the server as a separate process, as an operator would, and imports the store to set up, to write backlogs and
// to see what was recorded.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// clients is how many requests run at once, in the comparison and against the API.
	clients = 64
	// limitFor and loadFor bound the measurements of throughput, loadMost the second one's count as well.
	limitFor = 4 * time.Second
	loadFor  = 8 * time.Second
	loadMost = 60_000
	// endWithin is how long the last deliveries may take to be recorded.
	endWithin = time.Minute
)

// bench is one run of the program.
type bench struct {
	out         io.Writer
	dir, binary string
	receiver    *receiver
}

// line is one measurement.
type line struct {
	name    string
	large   bool // millions of rows
	measure func(*bench, context.Context) error
}

var lines = []line{
	{"sqlite", false, (*bench).sqlite},
	{"postgres", false, (*bench).postgres},
	{"four", false, (*bench).four},
	{"drain", false, (*bench).drain},
	{"delay", false, (*bench).delay},
	{"hang", false, (*bench).hang},
	{"memory", false, (*bench).memory},
	{"live", false, (*bench).live},
	{"live-postgres", false, (*bench).livePostgres},
	{"claim", true, (*bench).claim},
	{"page", true, (*bench).page},
	{"dead", true, (*bench).dead},
	{"http", true, (*bench).http},
	{"http-postgres", true, (*bench).httpPostgres},
}

func names(large bool) string {
	var list []string
	for _, l := range lines {
		if l.large == large {
			list = append(list, l.name)
		}
	}
	return strings.Join(list, ",")
}

func main() {
	binary := flag.String("server", "", "path of a built stackhook; without it, it is built first")
	only := flag.String("only", names(false), "lines to measure; also "+names(true)+", which take minutes")
	rows := flag.Int("rows", 1_000_000, "how many rows the large lines compare with few")
	limit := flag.String("limit", "", "only measure how many signed requests a second a plain client gets to this URL")
	fill := flag.String("generate", "", "only fill this database, a new SQLite file or the URL of an empty PostgreSQL database, with a log of so many rows")
	flag.Parse()
	million = *rows
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	switch {
	case *limit != "":
		err = printLimit(ctx, os.Stdout, *limit)
	case *fill != "":
		err = printGenerated(ctx, os.Stdout, *fill)
	default:
		err = run(ctx, os.Stdout, *binary, strings.Split(*only, ","))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run measures the lines that are named, and prints.
func run(ctx context.Context, out io.Writer, binary string, only []string) error {
	dir, err := os.MkdirTemp("", "stackhook-bench-")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer os.RemoveAll(dir)
	if binary == "" {
		binary = filepath.Join(dir, "stackhook")
		if text, err := exec.CommandContext(ctx, "go", "build", "-o", binary, "stackhook/cmd/stackhook").CombinedOutput(); err != nil {
			return fmt.Errorf("build the server: %w\n%s", err, text)
		}
	}
	b := &bench{out: out, dir: dir, binary: binary}
	if b.receiver, err = newReceiver(); err != nil {
		return err
	}
	defer b.receiver.close()
	fmt.Fprintf(out, "Stackhook on %d CPUs (%s/%s, %s). Servers, clients and receivers share them.\n\n",
		runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version())
	for _, l := range lines {
		if !slices.Contains(only, l.name) {
			continue
		}
		if err := l.measure(b, ctx); err != nil {
			if errors.Is(err, exec.ErrNotFound) {
				fmt.Fprintf(out, "skipped: %s (install the Debian package postgresql)\n", l.name)
				continue
			}
			return fmt.Errorf("measure %s: %w", l.name, err)
		}
	}
	return nil
}

// goal is what a ratio should reach; with most, what it should stay below.
type goal struct {
	least, aim float64
	most       bool
}

// print prints a ratio with its goal, if it has one, and the story behind it.
func (b *bench) print(ratio float64, g goal, format string, args ...any) {
	word, missed := "at least", ratio < g.least
	if g.most {
		word, missed = "at most", ratio > g.least
	}
	mark := ""
	if missed {
		mark = "  MISSED"
	}
	aim := fmt.Sprintf("  (%s %v, aim %v)%s", word, g.least, g.aim, mark)
	if g == (goal{}) {
		aim = ""
	}
	fmt.Fprintf(b.out, "%7.2f%s  %s\n", ratio, aim, strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", "\n         "))
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func round(n float64) string { return strconv.FormatFloat(n, 'f', 0, 64) }
