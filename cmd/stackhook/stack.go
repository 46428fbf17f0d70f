package main

import (
	"context"
	"fmt"
	"strings"

	"stackhook/models"
	"stackhook/models/store"
)

type stackCommands struct {
	Add  stackAddCommand  `cmd:"" help:"Add a stack and print its id."`
	List stackListCommand `cmd:"" help:"List the stacks."`
}

type stackAddCommand struct {
	databaseFlags
	ID          string   `placeholder:"ID" help:"Lower-case letters, digits and hyphens (default: from the name)."`
	Name        string   `required:"" help:"As pages and payloads show it."`
	Description string   `help:"What it is for."`
	Label       []string `placeholder:"LABEL" help:"May be repeated."`
}

// Run adds the stack.
func (c stackAddCommand) Run(ctx context.Context, t *terminal) error {
	stack := models.Stack{
		ID: c.ID, Name: c.Name, Description: c.Description, Labels: models.ParseLabels(strings.Join(c.Label, ",")),
	}
	if stack.ID == "" {
		stack.ID = models.Slug(stack.Name)
	}
	return c.with(ctx, func(s *store.Store) error {
		stack, err := s.CreateStack(ctx, shellActor(), stack)
		if err != nil {
			return fmt.Errorf("add the stack: %w", err)
		}
		_, err = fmt.Fprintln(t.Out, stack.ID)
		return err
	})
}

type stackListCommand struct{ databaseFlags }

// Run lists the stacks.
func (c stackListCommand) Run(ctx context.Context, t *terminal) error {
	return c.with(ctx, func(s *store.Store) error {
		summaries, err := s.StackSummaries(ctx, everything)
		if err != nil {
			return fmt.Errorf("list the stacks: %w", err)
		}
		rows := [][]string{{"ID", "NAME", "LABELS", "WEBHOOKS", "LAST RUN"}}
		for _, sum := range summaries {
			last := "none"
			if sum.Run != nil {
				last = fmt.Sprintf("%s %s", sum.Run.State, moment(sum.Run.UpdatedAt))
			}
			rows = append(rows, []string{sum.Stack.ID, sum.Stack.Name, strings.Join(sum.Stack.Labels, ","), fmt.Sprint(len(sum.Webhooks)), last})
		}
		return printTable(t.Out, rows)
	})
}
