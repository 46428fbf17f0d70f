package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"stackhook/models/needs"
)

const (
	fewRows   = 10_000
	pageTurns = 25 // of which the median is told
	// exportedRows is how many rows of an export are read.
	exportedRows = 1_000_000
)

// pageGoal is how many milliseconds a page may take, and searchGoal one that looks through up to store.MaxLooked rows.
var (
	pageGoal   = goal{least: 15, aim: 5, most: true}
	searchGoal = goal{least: 60, aim: 15, most: true}
)

// site is a server on a generated log, and how people are signed in to it.
type site struct {
	*server
	admin, reader *http.Client
	paths         map[string]string // by what they show
}

// http measures pages on SQLite.
func (b *bench) http(ctx context.Context) error {
	return b.overHTTP(ctx, "SQLite", func(name string) (string, error) { return filepath.Join(b.dir, name+".db"), nil })
}

// httpPostgres measures them on PostgreSQL.
func (b *bench) httpPostgres(ctx context.Context) error {
	cluster, err := needs.StartPostgres(true)
	if err != nil {
		return err
	}
	defer cluster.Close()
	return b.overHTTP(ctx, "PostgreSQL", func(string) (string, error) {
		name, err := cluster.NewDatabase("")
		return cluster.URL(name), err
	})
}

// overHTTP compares the pages of a log of many deliveries with those of one of few.
func (b *bench) overHTTP(ctx context.Context, kind string, database func(name string) (string, error)) error {
	began := time.Now()
	few, err := b.site(ctx, database, "http-few", fewRows)
	if err != nil {
		return err
	}
	defer few.stop()
	many, err := b.site(ctx, database, "http-many", million)
	if err != nil {
		return err
	}
	defer many.stop()
	fmt.Fprintf(b.out, "Pages over HTTP on %s: the median of a log of %d deliveries to that of one of %d (generated in %.0f s).\n"+
		"What looks through so many rows at most, and what is longer where there are many, is told in milliseconds.\n\n",
		kind, million, fewRows, time.Since(began).Seconds())
	for _, page := range measuredPages() {
		if err := b.comparePage(ctx, page, few, many); err != nil {
			return fmt.Errorf("%s: %w", page.name, err)
		}
	}
	for _, kind := range []string{"csv", "ndjson"} {
		if err := b.export(ctx, kind, few, many); err != nil {
			return fmt.Errorf("export as %s: %w", kind, err)
		}
	}
	return nil
}

// site generates a log, starts a server on it and signs in.
func (b *bench) site(ctx context.Context, database func(string) (string, error), name string, rows int) (*site, error) {
	at, err := database(name)
	if err != nil {
		return nil, err
	}
	s := &site{server: b.newServer(at)}
	if err := generate(ctx, at, s.key, rows); err != nil {
		return nil, err
	}
	if err := s.open(ctx); err != nil {
		return nil, err
	}
	if s.paths, err = s.findPaths(ctx); err == nil {
		err = s.serve(ctx)
	}
	if err != nil {
		s.close()
		return nil, err
	}
	if s.admin, err = s.signIn(ctx, generatedAdmin); err == nil {
		s.reader, err = s.signIn(ctx, generatedReader)
	}
	if err != nil {
		s.stop()
	}
	return s, err
}

// signIn returns the client of somebody who is signed in.
func (s *site) signIn(ctx context.Context, email string) (*http.Client, error) {
	client := newClient()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	client.Timeout = 0 // an export takes long
	var err error
	if client.Jar, err = cookiejar.New(nil); err != nil {
		return nil, err
	}
	form := url.Values{"email": {email}, "password": {generatedPassword}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/login", strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusSeeOther {
		return nil, fmt.Errorf("sign in as %s: %s", email, resp.Status)
	}
	return client, nil
}

// load loads a page and returns how long that took and how many rows its tables have.
func (s *site) load(ctx context.Context, page measuredPage) (took time.Duration, rows int, err error) {
	client := s.admin
	if page.reader {
		client = s.reader
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+page.path(s.paths), nil)
	if err != nil {
		return 0, 0, err
	}
	began := time.Now()
	resp, err := client.Do(req)
	if err != nil {
		return 0, 0, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	took = time.Since(began)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = errors.New(req.URL.Path + ": " + resp.Status)
	}
	return took, strings.Count(string(text), "<tr"), err
}

// comparePage loads a page of both in turns.
func (b *bench) comparePage(ctx context.Context, page measuredPage, few, many *site) error {
	var fews, manys []time.Duration
	var fewLines, manyLines int
	for turn := range pageTurns + 3 { // the first ones fill caches
		for _, x := range []struct {
			*site
			took  *[]time.Duration
			lines *int
		}{{few, &fews, &fewLines}, {many, &manys, &manyLines}} {
			took, lines, err := x.load(ctx, page)
			if err != nil {
				return err
			}
			*x.lines = lines
			if turn >= 3 {
				*x.took = append(*x.took, took)
			}
		}
	}
	slices.Sort(fews)
	slices.Sort(manys)
	f, m := millis(fews[pageTurns/2]), millis(manys[pageTurns/2])
	limit := pageGoal
	if page.searched {
		limit = searchGoal
	}
	switch {
	case fewLines != manyLines:
		b.print(m, limit, "ms, %s, which has %d lines (%.1f ms of few, where it has %d)", page.name, manyLines, f, fewLines)
	case page.searched || page.bounded:
		b.print(m, limit, "ms, %s (%.1f ms of few)", page.name, f)
	default:
		if m > pageGoal.least {
			b.print(m, pageGoal, "ms, %s", page.name)
		}
		b.print(m/f, goal{least: 1.5, aim: 1.1, most: true}, "%s: %.1f ms to %.1f ms", page.name, m, f)
	}
	return nil
}
