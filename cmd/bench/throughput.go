package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"stackhook/models/needs"
)

// sqlite measures one webhook an event on SQLite.
func (b *bench) sqlite(ctx context.Context) error {
	return b.throughput(ctx, filepath.Join(b.dir, "one.db"), 1, goal{least: 0.20, aim: 0.30},
		"SQLite (synchronous=FULL), one webhook an event: deliveries sent and recorded, from reports through the API by\n%d clients, to bare signed POSTs by a plain client. 0.5 is the most that can be: an event costs two exchanges.")
}

// four measures four webhooks an event.
func (b *bench) four(ctx context.Context) error {
	return b.throughput(ctx, filepath.Join(b.dir, "four.db"), 4, goal{least: 0.33, aim: 0.50},
		"The same with four webhooks an event, by %d clients.")
}

// postgres measures one webhook an event on a PostgreSQL server of its own.
func (b *bench) postgres(ctx context.Context) error {
	return withPostgres(func(database string) error {
		return b.throughput(ctx, database, 1, goal{least: 0.18, aim: 0.29}, "PostgreSQL, one webhook an event, by %d clients.")
	})
}

// withPostgres measures with an empty database of a PostgreSQL server that waits for the disk.
func withPostgres(measure func(database string) error) error {
	cluster, err := needs.StartPostgres(true)
	if err != nil {
		return err
	}
	defer cluster.Close()
	name, err := cluster.NewDatabase("")
	if err != nil {
		return err
	}
	return measure(cluster.URL(name))
}

// throughput compares what a server delivers with what a plain client sends, before and after.
func (b *bench) throughput(ctx context.Context, database string, webhooks int, g goal, story string) error {
	s, err := b.start(ctx, database, webhooks)
	if err != nil {
		return err
	}
	defer s.stop()
	before, err := measureLimit(ctx, b.receiver)
	if err != nil {
		return err
	}
	load, err := s.load(ctx, webhooks)
	if err != nil {
		return err
	}
	after, err := measureLimit(ctx, b.receiver)
	if err != nil {
		return err
	}
	limit := (before + after) / 2
	b.print(load.rate()/limit, g, story+"\n%s deliveries/s to %s requests/s.", clients, round(load.rate()), round(limit))
	return nil
}

// drain measures how fast a server that starts sends what is stored.
func (b *bench) drain(ctx context.Context) error {
	const stored, webhooks = 50_000, 8
	s := b.newServer(filepath.Join(b.dir, "drain.db"))
	if err := s.prepare(ctx, b.receiver.url, webhooks); err != nil {
		return err
	}
	defer s.close()
	if err := s.storeRuns(ctx, stored/webhooks); err != nil {
		return err
	}
	before, err := measureLimit(ctx, b.receiver)
	if err != nil {
		return err
	}
	began := time.Now()
	if err := s.serve(ctx); err != nil {
		return err
	}
	defer s.stop()
	if err := s.awaitRecorded(ctx); err != nil {
		return err
	}
	rate := stored / time.Since(began).Seconds()
	after, err := measureLimit(ctx, b.receiver)
	if err != nil {
		return err
	}
	limit := (before + after) / 2
	b.print(rate/limit, goal{least: 0.40, aim: 0.70}, "Draining %d stored deliveries of %d webhooks after a start, until all are recorded.\n%s deliveries/s to %s requests/s.",
		stored, webhooks, round(rate), round(limit))
	return nil
}

// hang measures what an endpoint that never answers takes from fifty that do.
func (b *bench) hang(ctx context.Context) error {
	const good = 50
	s, err := b.start(ctx, filepath.Join(b.dir, "hang.db"), good)
	if err != nil {
		return err
	}
	defer s.stop()
	if _, err := s.loadFor(ctx, 2*time.Second, good); err != nil { // warm
		return err
	}
	without, err := s.loadFor(ctx, 5*time.Second, good)
	if err != nil {
		return err
	}
	if err := s.addWebhook(ctx, b.receiver.url+"/hang"); err != nil {
		return err
	}
	with, err := s.loadFor(ctx, 5*time.Second, good)
	if err != nil {
		return err
	}
	b.print(with.rate()/without.rate(), goal{least: 0.9, aim: 0.98}, "One endpoint that hangs beside %d good ones: what those get, to what they got without it.\n%s deliveries/s to %s.",
		good, round(with.rate()), round(without.rate()))
	return nil
}

// delay measures how long an event takes from its acceptance to its receiver.
func (b *bench) delay(ctx context.Context) error {
	s, err := b.start(ctx, filepath.Join(b.dir, "delay.db"), 1)
	if err != nil {
		return err
	}
	defer s.stop()
	delays, err := s.delays(ctx, b.receiver)
	if err != nil {
		return err
	}
	b.print(millis(delays.at(50)), goal{least: 1, aim: 0.3, most: true}, "Milliseconds, p50: accepted (answered) to received, at 20 events a second, %d events.", len(delays))
	b.print(millis(delays.at(99)), goal{least: 8, aim: 3, most: true}, "Milliseconds, p99 of the same.")
	return nil
}

// memory measures the resident memory of a server.
func (b *bench) memory(ctx context.Context) error {
	s, err := b.start(ctx, filepath.Join(b.dir, "memory.db"), 1)
	if err != nil {
		return err
	}
	defer s.stop()
	idle, err := s.memory()
	if err != nil {
		return err
	}
	if _, err := s.loadMost(ctx, 10_000, 1); err != nil {
		return err
	}
	burst, err := s.memory()
	if err != nil {
		return err
	}
	b.print(idle, goal{least: 50, aim: 30, most: true}, "MiB of memory, idle.")
	b.print(burst, goal{least: 150, aim: 100, most: true}, "MiB after a burst of 10,000 events.")
	return nil
}

var errNothing = fmt.Errorf("nothing was delivered within %v", endWithin)
