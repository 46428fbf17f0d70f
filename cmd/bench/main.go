// Command bench measures Stackhook against what the machine could do at most: a real server process on a database of its
// own, clients that report runs over HTTP, and a receiver, all on loopback. It prints its figures in one run of less
// than a minute.
//
// It starts the server as a separate process, as an operator would, and so imports models, models/store and delivery
// only to set up a webhook and to sign the bodies of the comparison.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"time"
)

const (
	// clients is how many requests run at once, in the comparison and against the API.
	clients = 64
	// limitFor and loadFor bound the two measurements of throughput, loadMost the second one's count as well.
	limitFor = 5 * time.Second
	loadFor  = 8 * time.Second
	loadMost = 40_000
	// drainFor is how long the last deliveries may take to arrive.
	drainFor = 20 * time.Second
	// paceEvery and paceCount make the second measurement: 20 events a second, for ten seconds.
	paceEvery = 50 * time.Millisecond
	paceCount = 200
)

func main() {
	binary := flag.String("server", "", "path of a built stackhook; without it, it is built first")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := bench(ctx, os.Stdout, *binary); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench measures and prints.
func bench(ctx context.Context, out io.Writer, binary string) error {
	dir, err := os.MkdirTemp("", "stackhook-bench-")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer os.RemoveAll(dir)
	receiver, err := newReceiver()
	if err != nil {
		return err
	}
	defer receiver.close()
	server, err := startServer(ctx, dir, binary)
	if err != nil {
		return err
	}
	defer server.stop()
	if err := server.prepare(ctx, receiver.url); err != nil {
		return err
	}
	fmt.Fprintf(out, "Stackhook on %d CPUs (%s/%s, %s). Server, clients and receiver share them.\n\n",
		runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version())

	limit, err := measureLimit(ctx, receiver)
	if err != nil {
		return fmt.Errorf("measure the limit: %w", err)
	}
	fmt.Fprintf(out, "%8.0f requests/s    The limit: a plain net/http client signs and posts the same bodies to the same receiver,\n"+
		"%25s%d at once. Nothing is stored.\n", limit, "", clients)

	load, err := measureLoad(ctx, server, receiver)
	if err != nil {
		return fmt.Errorf("measure deliveries: %w", err)
	}
	fmt.Fprintf(out, "%8.0f deliveries/s  End to end: %d clients report runs to the API, one webhook gets each; from the first report\n"+
		"%25sto the last delivery received. %d accepted, %d received.\n", load.rate(), clients, "", load.accepted, load.received)
	fmt.Fprintf(out, "%8.2f ratio         Deliveries to the limit. 0.5 is the most that can be: an event costs two exchanges, the\n"+
		"%25sreport and the delivery.\n", load.rate()/limit, "")

	delays, err := measureDelay(ctx, server, receiver)
	if err != nil {
		return fmt.Errorf("measure the delay: %w", err)
	}
	fmt.Fprintf(out, "%8.1f ms p50        Accepted to received, at 20 events a second: from the API's answer, when the event is\n"+
		"%8.1f ms p99        durable, to the request at the receiver. %d events.\n", millis(delays.at(50)), millis(delays.at(99)), len(delays))
	return nil
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
