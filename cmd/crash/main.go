// Command crash kills a real server, again and again, while pipelines report runs to it and receivers of all tempers take
// its deliveries. At the end it compares what the API accepted with what the receivers got and what the database says, and
// exits with 1 if anything is missing, differs or came twice without a reason.
//
// It starts the server as a process of its own, as an operator would, and imports the store only to set up and to check.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"time"

	"stackhook/models/needs"
)

func main() {
	kills := flag.Int("kills", 100, "how often a server is killed, on each database")
	seed := flag.Uint64("seed", uint64(time.Now().UnixNano()), "of the random choices, to repeat a run as nearly as can be")
	database := flag.String("database", "both", "sqlite, postgres (two servers on it) or both")
	binary := flag.String("server", "", "path of a built stackhook; without it, it is built first")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := crashAll(ctx, os.Stdout, *database, *binary, *kills, *seed); err != nil {
		fmt.Fprintln(os.Stderr, "crash:", err)
		os.Exit(1)
	}
}

// crashAll runs the test on each database that is named.
func crashAll(ctx context.Context, out io.Writer, database, binary string, kills int, seed uint64) error {
	dir, err := os.MkdirTemp("", "stackhook-crash-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if binary == "" {
		if binary, err = build(ctx, dir); err != nil {
			return err
		}
	}
	if database == "sqlite" || database == "both" {
		p := plan{binary: binary, dir: filepath.Join(dir, "sqlite"), database: filepath.Join(dir, "sqlite", "stackhook.db"), servers: 1, kills: kills, seed: seed}
		if err := crash(ctx, out, p); err != nil {
			return fmt.Errorf("on SQLite: %w", err)
		}
	}
	if database == "postgres" || database == "both" {
		cluster, err := needs.StartPostgres(true)
		if err != nil {
			return fmt.Errorf("on PostgreSQL (Debian package postgresql): %w", err)
		}
		defer cluster.Close()
		name, err := cluster.NewDatabase("")
		if err != nil {
			return err
		}
		p := plan{binary: binary, dir: filepath.Join(dir, "postgres"), database: cluster.URL(name), servers: 2, kills: kills, seed: seed}
		if err := crash(ctx, out, p); err != nil {
			return fmt.Errorf("on PostgreSQL: %w", err)
		}
	}
	return nil
}

// build compiles the server.
func build(ctx context.Context, dir string) (string, error) {
	binary := filepath.Join(dir, "stackhook")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", binary, "stackhook/cmd/stackhook").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the server: %w\n%s", err, out)
	}
	return binary, nil
}

// plan is one run of the test.
type plan struct {
	binary, dir, database string
	servers, kills        int
	seed                  uint64
}

// crash runs the test once and prints the counts.
func crash(ctx context.Context, out io.Writer, p plan) error {
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		return err
	}
	began := time.Now()
	fmt.Fprintf(out, "%d server(s) on %s, %d kills, seed %d\n", p.servers, kind(p.database), p.kills, p.seed)
	receivers, err := newReceivers()
	if err != nil {
		return err
	}
	defer receivers.close()
	site, err := newSite(ctx, p, receivers)
	if err != nil {
		return err
	}
	defer site.close()
	servers, err := startServers(ctx, p)
	if err != nil {
		return err
	}
	defer servers.kill()

	reports := newReports(site, servers, p.seed)
	reports.begin(ctx)
	random := rand.New(rand.NewPCG(p.seed, 1))
	for range p.kills {
		time.Sleep(20*time.Millisecond + time.Duration(random.IntN(600))*time.Millisecond)
		if err := servers.restart(ctx, random.IntN(p.servers)); err != nil {
			return err
		}
	}
	reports.end()
	verdict, err := site.check(ctx, reports, receivers)
	if err != nil {
		return err
	}
	verdict.print(out, p.kills, time.Since(began))
	return verdict.err()
}

func kind(database string) string {
	if filepath.IsAbs(database) {
		return "SQLite"
	}
	return "PostgreSQL"
}
