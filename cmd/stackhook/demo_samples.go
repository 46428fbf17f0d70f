package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"stackhook/models"
	"stackhook/models/store"
)

// demoActor is who the audit log says made the samples.
var demoActor = models.Actor{Kind: models.ActorSystem, Name: "demo"}

var sampleStacks = []models.Stack{
	{
		ID: "spacelift-demo", Name: "Spacelift demo", Description: "A website with its database and its certificates.",
		Labels: []string{"env:demo", "team:web"},
	},
	{
		ID: "networking-prod", Name: "Networking prod", Description: "VPCs, peering and DNS zones of production.",
		Labels: []string{"env:prod", "team:platform"},
	},
}

// The practice receiver's paths.
const (
	pathDeploys  = "/hooks/deploys"
	pathBroken   = "/hooks/broken"
	pathSlow     = "/hooks/slow"
	pathPaused   = "/hooks/paused"
	pathAudit    = "/hooks/audit"
	pathUnsigned = "/hooks/unsigned"
)

// sampleWebhook is a webhook to a path of the practice receiver.
type sampleWebhook struct {
	stack    string // id
	path     string
	secret   bool
	disabled bool
}

var sampleWebhooks = []sampleWebhook{
	{stack: "spacelift-demo", path: pathDeploys, secret: true},
	{stack: "spacelift-demo", path: pathBroken, secret: true},
	{stack: "spacelift-demo", path: pathSlow, secret: true},
	{stack: "spacelift-demo", path: pathPaused, secret: true, disabled: true},
	{stack: "networking-prod", path: pathAudit, secret: true},
	{stack: "networking-prod", path: pathUnsigned},
}

// samples are what the demo starts with.
type samples struct {
	stacks        []models.Stack
	admin, reader models.User
	password      map[string]string // by email
	token         string            // reports runs of all stacks
}

// makeSamples fills the database. In one that an earlier demo left, it keeps what is there, sets new passwords and lets
// the webhooks send to this receiver.
func makeSamples(ctx context.Context, s *store.Store, receiver *practiceReceiver, receiverURL *url.URL) (samples, error) {
	made := samples{password: map[string]string{}}
	for _, sample := range sampleStacks {
		stack, err := sampleStack(ctx, s, sample)
		if err != nil {
			return made, fmt.Errorf("add the stack %s: %w", sample.ID, err)
		}
		made.stacks = append(made.stacks, stack)
		for _, w := range sampleWebhooks {
			if w.stack != stack.ID {
				continue
			}
			if err := w.make(ctx, s, stack, receiver, receiverURL); err != nil {
				return made, fmt.Errorf("add the webhook to %s: %w", w.path, err)
			}
		}
	}
	var err error
	if made.admin, err = made.user(ctx, s, models.User{Email: "ada@example.com", Name: "Ada", Role: models.Administrator}); err != nil {
		return made, err
	}
	if made.reader, err = made.user(ctx, s, models.User{Email: "grace@example.com", Name: "Grace", Role: models.Reader}); err != nil {
		return made, err
	}
	if err := s.GrantStack(ctx, demoActor, made.reader, made.stacks[0]); err != nil {
		return made, fmt.Errorf("grant the reader a stack: %w", err)
	}
	made.token, err = sampleToken(ctx, s)
	return made, err
}

func sampleStack(ctx context.Context, s *store.Store, sample models.Stack) (models.Stack, error) {
	stack, err := s.Stack(ctx, everything, sample.ID)
	if errors.Is(err, models.ErrNotFound) {
		return s.CreateStack(ctx, demoActor, sample)
	}
	return stack, err
}

// user adds a user with a password that the demo prints, or gives the one who is there a new one.
func (m *samples) user(ctx context.Context, s *store.Store, user models.User) (models.User, error) {
	password := strings.ToLower(rand.Text()[:16])
	m.password[user.Email] = password
	there, err := s.UserByEmail(ctx, user.Email)
	switch {
	case err == nil:
		user, err = there, s.SetPassword(ctx, demoActor, there, password)
	case errors.Is(err, models.ErrNotFound):
		user, err = s.CreateUser(ctx, demoActor, user, password)
	}
	if err != nil {
		return user, fmt.Errorf("add the user %s: %w", user.Email, err)
	}
	return user, nil
}

// sampleToken creates the pipeline's token and ends the ones of earlier demos, whose text nobody has any more.
func sampleToken(ctx context.Context, s *store.Store) (string, error) {
	sample := models.Token{Name: "demo pipeline", Scope: models.ScopeReport}
	earlier, err := s.Tokens(ctx)
	if err != nil {
		return "", fmt.Errorf("list the tokens: %w", err)
	}
	for _, token := range earlier {
		if token.Name != sample.Name {
			continue
		}
		if err := s.RevokeToken(ctx, demoActor, token.ID); err != nil {
			return "", fmt.Errorf("revoke the token of an earlier demo: %w", err)
		}
	}
	text, _, err := s.CreateToken(ctx, demoActor, sample)
	if err != nil {
		return "", fmt.Errorf("create the token: %w", err)
	}
	return text, nil
}

// make adds the webhook, or lets the one that is there send to this receiver, and tells the receiver its secret.
func (w sampleWebhook) make(ctx context.Context, s *store.Store, stack models.Stack, receiver *practiceReceiver, receiverURL *url.URL) error {
	form := models.WebhookForm{Endpoint: receiverURL.JoinPath(w.path).String(), Enabled: !w.disabled}
	there, err := s.Webhooks(ctx, stack)
	if err != nil {
		return err
	}
	for _, old := range there {
		if u, err := url.Parse(old.EndpointURL); err == nil && u.Path == w.path {
			form.Enabled = old.Enabled
			if _, err := s.UpdateWebhook(ctx, demoActor, stack, old.ID, form); err != nil {
				return err
			}
			secret, err := s.Secret(old)
			receiver.expect(w.path, secret)
			return err
		}
	}
	if w.secret {
		form.Secret = models.GenerateSecret()
	}
	receiver.expect(w.path, form.Secret)
	_, err = s.CreateWebhook(ctx, demoActor, stack, form)
	return err
}
