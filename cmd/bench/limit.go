package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"stackhook/delivery"
	"stackhook/models"
)

// sample is the run that all measurements report.
func sample() models.RunReport {
	kind, branch, by := models.Tracked, "main", "ada@example.com"
	login, name, hash := "ada", "Ada Lovelace", "0ee3a3b7266daf5a1d44a193a0f48ce995fa75eb"
	message, at := "Add a read replica to the database", int64(1596705932)
	return models.RunReport{Type: &kind, Branch: &branch, TriggeredBy: &by, Commit: &models.CommitReport{
		AuthorLogin: &login, AuthorName: &name, Hash: &hash, Message: &message, Timestamp: &at,
	}}
}

// measureLimit returns how many signed requests a second a plain client gets to the receiver. The client is a process of
// its own, as the server is: within one, both ends of a connection would share a scheduler.
func measureLimit(ctx context.Context, r *receiver) (perSecond float64, err error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	text, err := exec.CommandContext(ctx, self, "-limit", r.url).Output()
	if err != nil {
		return 0, fmt.Errorf("run the plain client: %w", err)
	}
	return strconv.ParseFloat(strings.TrimSpace(string(text)), 64)
}

// printLimit is the plain client.
func printLimit(ctx context.Context, out io.Writer, url string) error {
	body, err := models.EncodePayload(account, models.Stack{ID: "bench", Name: "Bench"}, sample().Run(time.Now()))
	if err != nil {
		return err
	}
	client := newClient()
	defer client.CloseIdleConnections()
	var sent atomic.Int64
	began := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	for range clients {
		group.Go(func() error {
			for time.Since(began) < limitFor {
				if err := postSigned(ctx, client, url, body); err != nil {
					return err
				}
				sent.Add(1)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, float64(sent.Load())/time.Since(began).Seconds())
	return err
}

// postSigned sends what the server sends, without an id: the receiver need not remember it.
func postSigned(ctx context.Context, client *http.Client, to string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	for _, h := range delivery.Sign(body, secret, "", time.Now()) {
		req.Header.Set(h.Name, h.Value)
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusNoContent {
		return fmt.Errorf("the receiver answered %s", resp.Status)
	}
	return nil
}
