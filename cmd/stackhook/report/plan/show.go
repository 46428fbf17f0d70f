package plan

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Tool is Terraform or OpenTofu, and the folder of the configuration that it works on.
type Tool struct {
	Path string // a program's name or path
	Dir  string // "" is the current folder
}

// ShowWithin is how long the tool may take to show a plan or a state. It downloads nothing and asks no provider. It is long, as
// it would be for a state of many thousands of resources, and short to wait for.
const ShowWithin = 30 * time.Second

// patience is how long the tool has to end by itself after the context is over: it may hold a lock.
const patience = 10 * time.Second

// Plan reads a plan from a file: one that “plan -out” wrote, which the tool is asked to show, or one that holds the JSON
// already. A file's name is taken from the tool's folder.
func (t Tool) Plan(ctx context.Context, name string) (Plan, error) {
	path := name
	if !filepath.IsAbs(path) {
		path = filepath.Join(t.Dir, path)
	}
	file, err := os.Open(path)
	if err != nil {
		return Plan{}, err
	}
	defer file.Close()
	var read Plan
	parse := func(from io.Reader) (err error) {
		read, err = Read(from)
		return err
	}
	head := make([]byte, 2)
	if _, err := io.ReadFull(file, head); err != nil || string(head) != "PK" { // a plan is a zip archive
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return Plan{}, err
		}
		if err := parse(file); err != nil {
			return Plan{}, fmt.Errorf("read the plan %s: %w", name, err)
		}
		return read, nil
	}
	if err := t.show(ctx, parse, name); err != nil {
		return Plan{}, fmt.Errorf("show the plan %s: %w", name, err)
	}
	return read, nil
}

// Resources returns how many resources the state holds now.
func (t Tool) Resources(ctx context.Context) (int64, error) {
	var n int64
	err := t.show(ctx, func(from io.Reader) (err error) {
		n, err = State(from)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("show the state: %w", err)
	}
	return n, nil
}

// show has the tool print JSON, and reads it on the way: that of a large state takes much memory.
func (t Tool) show(ctx context.Context, parse func(io.Reader) error, names ...string) error {
	cmd := exec.CommandContext(ctx, t.Path, append([]string{"show", "-json", "-no-color"}, names...)...)
	cmd.Dir, cmd.WaitDelay = t.Dir, patience
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	var words bytes.Buffer
	cmd.Stderr = &words
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	wrong := parse(out)
	_, _ = io.Copy(io.Discard, out) // the tool ends only when all is read
	if err := cmd.Wait(); err != nil {
		if said := firstError(words.String()); said != "" {
			err = errors.New(said)
		}
		return fmt.Errorf("%s show: %w", filepath.Base(t.Path), err)
	}
	return wrong
}

// firstError returns the line of the tool's words that says what is wrong.
func firstError(words string) string {
	for line := range strings.Lines(words) {
		if _, said, found := strings.Cut(line, "Error: "); found {
			return strings.TrimSpace(said)
		}
	}
	return ""
}
