package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"time"

	"stackhook/models"
	"stackhook/models/store"
)

// A generated log is what a server has after four weeks: half of its runs are of one stack, the rest of many others. Of the
// same number of rows it is the same each time, but for the moment at which it ends and the ids of its webhooks.
const (
	generatedStacks = 60
	generatedSpan   = 28 * 24 * time.Hour
	// stateEvery is the time between two states of a run.
	stateEvery = 20 * time.Second
)

// conduct is how a receiver behaves.
type conduct int

const (
	good     conduct = iota // accepts nearly everything
	flaky                   // fails now and then
	dead                    // fails nearly always
	disabled                // as good, and disabled for the last third of the time
)

// The webhooks of the stack with half of the runs, and of each other one.
var (
	largeStack = []conduct{good, good, flaky, dead, disabled, good}
	smallStack = []conduct{good, good, flaky}
)

// generatedStack is a stack with its webhooks.
type generatedStack struct {
	models.Stack
	webhooks []models.Webhook
	conducts []conduct
}

// generator makes a log. It writes past the store, which would commit each of the rows.
type generator struct {
	stacks  []generatedStack
	from    time.Time
	random  *rand.Rand
	out     sink
	tallies map[generatedTally]*models.Tally
	ids     uint64
	runs    int64
	made    int // deliveries
}

// The people of a generated log. The reader reads the first stacks.
const (
	generatedAdmin    = "admin@example.com"
	generatedReader   = "reader@example.com"
	generatedPassword = "a password of the benchmark"
	readersStacks     = 3
)

// printGenerated fills a database for somebody who will start a server on it. Its keys are where a server looks for them.
func printGenerated(ctx context.Context, out io.Writer, database string) error {
	key := "stackhook.key"
	if !onPostgres(database) {
		key = filepath.Join(filepath.Dir(database), key)
	}
	began := time.Now()
	if err := generate(ctx, database, key, million); err != nil {
		return err
	}
	fmt.Fprintf(out, "%d deliveries in %.0f s. Start a server on them with the environment STACKHOOK_DATABASE=%s STACKHOOK_KEY_FILE=%s.\n"+
		"Sign in as %s or %s, who reads %d stacks, with the password “%s”.\n",
		million, time.Since(began).Seconds(), database, key, generatedAdmin, generatedReader, readersStacks, generatedPassword)
	return nil
}

func onPostgres(database string) bool {
	return strings.HasPrefix(database, "postgres://") || strings.HasPrefix(database, "postgresql://")
}

// generate makes a database with so many deliveries: a new SQLite file or an empty PostgreSQL database.
func generate(ctx context.Context, database, key string, rows int) error {
	now := time.Now()
	g := &generator{from: now.Add(-generatedSpan), random: rand.New(rand.NewPCG(1, 2)), tallies: map[generatedTally]*models.Tally{}}
	if err := g.setUp(ctx, database, key); err != nil {
		return fmt.Errorf("set a log up: %w", err)
	}
	out, err := openSink(ctx, database)
	if err != nil {
		return err
	}
	defer out.close()
	g.out = out
	if err := g.fill(rows, now); err != nil {
		return err
	}
	return out.finish(ctx)
}

// setUp makes people, stacks and webhooks as an administrator would. Nothing answers at their endpoints.
func (g *generator) setUp(ctx context.Context, database, key string) error {
	s, err := store.Open(ctx, store.Options{Database: database, KeyFile: key, Account: account, Create: true})
	if err != nil {
		return err
	}
	defer s.Close()
	for i := range generatedStacks {
		made := generatedStack{conducts: smallStack}
		if i == 0 {
			made.conducts = largeStack
		}
		name := fmt.Sprintf("Stack %02d", i+1)
		made.Stack, err = s.CreateStack(ctx, by, models.Stack{ID: strings.ToLower(strings.ReplaceAll(name, " ", "-")), Name: name, Labels: []string{"generated"}})
		if err != nil {
			return err
		}
		for j, c := range made.conducts {
			w, err := s.CreateWebhook(ctx, by, made.Stack, models.WebhookForm{Endpoint: fmt.Sprintf("https://receiver-%d.invalid/%s", j+1, made.ID), Secret: secret, Enabled: c != disabled})
			if err != nil {
				return err
			}
			made.webhooks = append(made.webhooks, w)
		}
		g.stacks = append(g.stacks, made)
	}
	if _, err := s.CreateUser(ctx, by, models.User{Email: generatedAdmin, Role: models.Administrator}, generatedPassword); err != nil {
		return err
	}
	reader, err := s.CreateUser(ctx, by, models.User{Email: generatedReader, Role: models.Reader}, generatedPassword)
	if err != nil {
		return err
	}
	for _, stack := range g.stacks[:readersStacks] {
		if err := s.GrantStack(ctx, by, reader, stack.Stack); err != nil {
			return err
		}
	}
	return nil
}

// fill writes runs, evenly over the time, until there are so many deliveries.
func (g *generator) fill(rows int, now time.Time) error {
	// Half of the runs go to six webhooks, half to three, in six and a half states on average.
	apart := time.Duration(float64(generatedSpan) / (float64(rows)/29.25 + 1))
	for i := 0; g.made < rows; i++ {
		at := g.from.Add(time.Duration(i) * apart)
		if at.After(now.Add(-10 * stateEvery)) {
			at = now.Add(-10 * stateEvery) // the last few of an uneven number
		}
		if err := g.run(at, now, rows); err != nil {
			return err
		}
		if i%500 == 499 && g.made < rows {
			if err := g.test(at); err != nil {
				return err
			}
		}
	}
	return g.writeTallies(now)
}

// id is a ULID of a time, the same in each log.
func (g *generator) id(at time.Time) string {
	const digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	id := []byte(models.LeastID(at))
	g.ids++
	for i, n := len(id)-1, g.ids; i >= 10; i, n = i-1, n>>5 {
		id[i] = digits[n&31]
	}
	return string(id)
}
