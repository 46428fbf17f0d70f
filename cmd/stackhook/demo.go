package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"stackhook/delivery"
	"stackhook/models/store"
)

type demoCommand struct {
	Addr string `default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Listen address (default: ${default}). If it is in use, a free port is taken."`
	Dir  string `placeholder:"PATH" help:"Keep the data in this folder (default: one that is removed at the end)."`
}

// Run runs the demo until a signal ends it.
func (c demoCommand) Run(ctx context.Context, t *terminal) (err error) {
	dir, remove, err := c.folder()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	st, err := store.Open(ctx, store.Options{
		Database: filepath.Join(dir, "stackhook.db"), Account: "stackhook-demo", Create: true, Serve: true,
	})
	if err != nil {
		return unlessEnded(ctx, err)
	}
	return errors.Join(unlessEnded(ctx, c.run(ctx, t, st, dir)), st.Close())
}

// folder returns the data folder and what is to be done with it at the end.
func (c demoCommand) folder() (dir string, remove func() error, err error) {
	if c.Dir != "" {
		if err := os.MkdirAll(c.Dir, 0o700); err != nil {
			return "", nil, fmt.Errorf("make the data folder: %w", err)
		}
		return c.Dir, func() error { return nil }, nil
	}
	if dir, err = os.MkdirTemp("", "stackhook-demo-"); err != nil {
		return "", nil, fmt.Errorf("make the data folder: %w", err)
	}
	return dir, func() error { return os.RemoveAll(dir) }, nil
}

// run starts everything on the open database.
func (c demoCommand) run(ctx context.Context, t *terminal, st *store.Store, dir string) error {
	listener, err := c.listen(ctx, t)
	if err != nil {
		return err
	}
	defer listener.Close()
	inbox, err := listen(ctx, "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer inbox.Close()
	base, _ := publicURL(c.Addr, portOf(listener))
	receiver, receiverURL := newPracticeReceiver(), &url.URL{Scheme: "http", Host: inbox.Addr().String()}
	made, err := makeSamples(ctx, st, receiver, receiverURL)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(t.Err, &slog.HandlerOptions{Level: slog.LevelError})) // failed deliveries are what it shows
	parts, err := newParts(settings{Account: "stackhook-demo", Engine: demoEngine()}, st, newRegistry(), base, log)
	if err != nil {
		return err
	}
	pipelines := make([]*pipeline, len(made.stacks))
	for i, stack := range made.stacks {
		pipelines[i] = newPipeline(base, stack, made.token)
	}
	real := newTerraforming(base, made.stacks[1], made.token, dir)
	c.greet(t, made, base, receiverURL, dir, pipelines[0], real)

	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return parts.run(ctx, listener) })
	group.Go(func() error { return serveReceiver(ctx, inbox, receiver) })
	for i, p := range pipelines {
		group.Go(func() error {
			if err := p.tellAll(ctx, i); ctx.Err() == nil { // somebody deleted the stack, or revoked the token
				fmt.Fprintf(t.Err, "No more sample runs of %s: %s\n", made.stacks[i].Name, oneLine(err))
			}
			return nil
		})
	}
	if real != nil {
		group.Go(func() error {
			if err := real.tellOn(ctx); ctx.Err() == nil {
				fmt.Fprintf(t.Err, "No more runs of Terraform: %s\n", oneLine(err))
			}
			return nil
		})
	}
	return group.Wait()
}

// demoEngine are the engine's settings with everything sped up, so that retries, time-outs and their end are seen within
// a minute, and with loopback allowed, where the practice receiver is.
func demoEngine() delivery.Config {
	return delivery.Config{
		Version:        buildVersion(),
		AllowNetworks:  []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")},
		ConnectTimeout: time.Second,
		Timeout:        time.Second,
		RetryDelays:    []time.Duration{time.Second, 3 * time.Second, 8 * time.Second, 20 * time.Second},
		Expire:         10 * time.Minute,
	}
}

// listen takes the address, or a free port of its host.
func (c demoCommand) listen(ctx context.Context, t *terminal) (net.Listener, error) {
	listener, err := listen(ctx, c.Addr)
	if !errors.Is(err, syscall.EADDRINUSE) {
		return listener, err
	}
	host, port, _ := net.SplitHostPort(c.Addr)
	fmt.Fprintf(t.Out, "Port %s is in use, so the demo takes a free one.\n", port)
	return listen(ctx, net.JoinHostPort(host, "0"))
}

func (c demoCommand) greet(t *terminal, made samples, base, receiver *url.URL, dir string, p *pipeline, real *terraforming) {
	kept := "removed at the end"
	if c.Dir != "" {
		kept = "kept"
	}
	fmt.Fprintf(t.Out, `Stackhook demo: %[1]s

  administrator   %[2]s   password %[3]s
  read-only       %[4]s   password %[5]s   (reads %[6]s)

  practice receiver: %[7]s (verifies both signatures, shows what it got)
  data: %[8]s (%[9]s)%[11]s

Report a run yourself:

  %[10]s

Or run Terraform in a folder of yours, and follow it here:

  STACKHOOK_URL=%[1]s STACKHOOK_TOKEN=%[12]s STACKHOOK_STACK=%[13]s \
    stackhook exec -- terraform

Ctrl-C ends the demo.
`, base, made.admin.Email, made.password[made.admin.Email], made.reader.Email, made.password[made.reader.Email],
		made.stacks[0].Name, receiver, dir, kept, p.curl(), real.says(), made.token, made.stacks[0].ID)
}

// serveReceiver serves the practice receiver until the context ends. Requests that it keeps waiting end with it.
func serveReceiver(ctx context.Context, l net.Listener, receiver *practiceReceiver) error {
	server := &http.Server{
		Handler: receiver.handler(), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	defer context.AfterFunc(ctx, func() { server.Close() })()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the practice receiver: %w", err)
	}
	return nil
}
