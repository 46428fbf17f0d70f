package main

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"strings"

	"stackhook/models"
	"stackhook/models/store"
)

type userCommands struct {
	Add    userAddCommand    `cmd:"" help:"Add a user; without a password, print a one-time link to set one."`
	List   userListCommand   `cmd:"" help:"List the users."`
	Passwd userPasswdCommand `cmd:"" help:"Set a password, or print a one-time link to set one."`
	Grant  userGrantCommand  `cmd:"" help:"Let a user read a stack, or all."`
	Revoke userRevokeCommand `cmd:"" help:"Take back what grant gave."`
	Unlink userUnlinkCommand `cmd:"" help:"Forget which account at the identity provider is a user's."`
}

type userAddCommand struct {
	databaseFlags
	addressFlags
	passwordFlags
	Email         string `required:"" help:"Who it is; also the name to sign in with."`
	Name          string `help:"As pages show it."`
	Role          string `enum:"admin,reader" default:"reader" placeholder:"ROLE" help:"admin or reader (default: ${default}). A reader reads the stacks that were granted."`
	AllStacks     bool   `help:"The reader may read every stack."`
	PasswordStdin bool   `help:"Read the password from standard input."`
}

// Run adds the user.
func (c userAddCommand) Run(ctx context.Context, t *terminal) error {
	base, err := c.url()
	if err != nil {
		return err
	}
	off, err := c.switchedOff()
	if err != nil || off && c.PasswordStdin {
		return cmp.Or(err, errPasswordsOff)
	}
	password, err := passwordFor(c.PasswordStdin, t)
	if err != nil {
		return err
	}
	return c.with(ctx, func(s *store.Store) error {
		added := models.User{Email: c.Email, Name: c.Name, Role: models.Role(c.Role), AllStacks: c.AllStacks}
		added, err := s.CreateUser(ctx, shellActor(), added, password)
		if err != nil {
			return fmt.Errorf("add the user: %w", err)
		}
		if password != "" || off { // without passwords a link would set nothing
			_, err = fmt.Fprintf(t.Err, "Added %s.\n", added.Email)
			return err
		}
		return printLink(ctx, t, s, base, added)
	})
}

// passwordFor returns "" when the user is to get a link.
func passwordFor(stdin bool, t *terminal) (string, error) {
	if !stdin {
		return "", nil
	}
	return readPassword(t.In)
}

// printLink makes a one-time link and prints it alone on stdout.
func printLink(ctx context.Context, t *terminal, s *store.Store, base *url.URL, who models.User) error {
	token, err := s.CreateLink(ctx, shellActor(), who)
	if err != nil {
		return fmt.Errorf("make a one-time link: %w", err)
	}
	if _, err := fmt.Fprintln(t.Out, setupLink(base, token)); err != nil {
		return err
	}
	_, err = fmt.Fprintf(t.Err, "Hand this link to %s: it sets their password, once, within three days.\n", who.Email)
	return err
}

type userPasswdCommand struct {
	databaseFlags
	addressFlags
	passwordFlags
	Email         string `required:"" help:"Whose password it is."`
	PasswordStdin bool   `help:"Read the password from standard input."`
}

// Run sets the password, which signs the user out everywhere, or prints a link.
func (c userPasswdCommand) Run(ctx context.Context, t *terminal) error {
	if off, err := c.switchedOff(); err != nil || off {
		return cmp.Or(err, errPasswordsOff)
	}
	base, err := c.url()
	if err != nil {
		return err
	}
	password, err := passwordFor(c.PasswordStdin, t)
	if err != nil {
		return err
	}
	return c.with(ctx, func(s *store.Store) error {
		who, err := findUser(ctx, s, c.Email)
		if err != nil {
			return err
		}
		if password == "" {
			return printLink(ctx, t, s, base, who)
		}
		if err := s.SetPassword(ctx, shellActor(), who, password); err != nil {
			return fmt.Errorf("set the password: %w", err)
		}
		_, err = fmt.Fprintf(t.Err, "%s has a new password and is signed out everywhere.\n", who.Email)
		return err
	})
}

type userListCommand struct{ databaseFlags }

// Run lists the users.
func (c userListCommand) Run(ctx context.Context, t *terminal) error {
	return c.with(ctx, func(s *store.Store) error {
		users, err := s.Users(ctx)
		if err != nil {
			return fmt.Errorf("list the users: %w", err)
		}
		grants, err := s.Grants(ctx)
		if err != nil {
			return fmt.Errorf("list the grants: %w", err)
		}
		rows := [][]string{{"EMAIL", "NAME", "ROLE", "STATUS", "STACKS", "LAST SEEN"}}
		for _, u := range users {
			rows = append(rows, []string{u.Email, u.Name, string(u.Role), userStatus(u), readableStacks(u, grants[u.ID]), moment(u.SeenAt)})
		}
		return printTable(t.Out, rows)
	})
}

func userStatus(u models.User) string {
	switch {
	case !u.Active:
		return "inactive"
	case u.PasswordHash == "" && u.SeenAt.IsZero(): // others come by single sign-on
		return "no password yet"
	}
	return "active"
}

// readableStacks names the stacks that a user may read.
func readableStacks(u models.User, granted []models.Stack) string {
	if u.AllStacks || u.Role == models.Administrator {
		return "(all)"
	}
	var ids []string
	for _, stack := range granted {
		ids = append(ids, stack.ID)
	}
	if len(ids) == 0 {
		return "(none)"
	}
	return strings.Join(ids, ",")
}
