package main

import (
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// Every command works while a server runs on the same database.
func TestCommandsBesideAServer(t *testing.T) {
	t.Parallel()
	env := onDatabase(t)
	serving(t, env)

	for _, c := range []struct {
		args       string
		stdin      string
		out, words string // patterns of stdout and stderr
	}{
		{args: `stack add --name Networking`, out: `^networking\n$`},
		{args: `stack add --id spacelift-demo --name Demo --description Site --label a --label b`, out: `^spacelift-demo\n$`},
		{args: `stack list`, out: `(?s)^ID +NAME +LABELS +WEBHOOKS +LAST RUN\nspacelift-demo +Demo +a,b +0 +none\nnetworking +Networking +0 +none\n$`},

		{args: `token create --name ci --stack spacelift-demo --scope report`, out: `^shk_[\w-]{43}\n$`},
		{args: `token create --name all --all-stacks --scope admin`, out: `^shk_[\w-]{43}\n$`},
		{args: `token list`, out: `(?s)\nall +admin +\(all\) +shk_\S{6} .* never .*\nci +report +spacelift-demo +shk_\S{6} `},
		{args: `token create --name short --all-stacks --scope report --expires 30d`, out: `^shk_[\w-]{43}\n$`},
		{args: `token list`, out: `(?s)\nshort +report +\(all\) +shk_\S{6} .* never +20\d\d-`},
		{args: `token revoke --name short`, out: `^$`, words: `Revoked short`},
		{args: `token revoke --name ci`, out: `^$`, words: `Revoked ci`},
		{args: `token list`, out: `(?s)^NAME[^\n]*\nall [^\n]*\n$`},

		{args: `user add --email Ada@Example.com --role reader`, out: `^http://127\.0\.0\.1:0/setup\?token=[\w-]{43}\n$`, words: `Hand this link to ada@example\.com`},
		{args: `user add --email alan@example.com --name Alan --role admin --password-stdin`, stdin: "a long password\n", out: `^$`, words: `Added alan`},
		{args: `user grant --email ada@example.com --stack networking`, out: `^$`, words: `may read networking`},
		{args: `user list`, out: `(?s)^EMAIL +NAME +ROLE +STATUS +STACKS +LAST SEEN\nada@example\.com +reader +no password yet +networking +never\nalan@example\.com +Alan +admin +active +\(all\) +never\n$`},
		{args: `user revoke --email ada@example.com --stack networking`, out: `^$`, words: `no longer granted networking`},
		{args: `user list`, out: `ada@example\.com +reader +no password yet +\(none\)`},
		{args: `user grant --email ada@example.com --all-stacks`, words: `may read all stacks`},
		{args: `user list`, out: `ada@example\.com +reader +no password yet +\(all\)`},
		{args: `user revoke --email ada@example.com --all-stacks`, words: `no longer granted all stacks`},
		{args: `user passwd --email ada@example.com --base-url https://hooks.example.com/`, out: `^https://hooks\.example\.com/setup\?token=[\w-]{43}\n$`},
		{args: `user passwd --email ada@example.com --password-stdin`, stdin: "another password\r\n", out: `^$`, words: `new password`},
		{args: `user list`, out: `ada@example\.com +reader +active +\(none\)`},

		{args: `key list`, out: `(?s)^KEY +STATE +SECRETS +SINCE +SERVERS\n\d+ +seals +0 +never +1 of 1\n$`},
		{args: `key rotate`, out: `^\d+\n$`, words: `(?s)Added key \d+ to .*stackhook\.key\..*Sealed 0 secrets.*The key before stays in .*stackhook\.key, for backups`},
		{args: `key list`, out: `(?s)\n\d+ +retired +0 +\S+ \S+ +1 of 1\n\d+ +seals +0 +never +1 of 1\n$`},
		{args: `key prune`, out: `^$`, words: `(?s)Backups made before .* are of no use without .*\d+.*key prune --yes`},
		{args: `key prune --yes`, out: `^\d+\n$`, words: `Removed`},
		{args: `key prune`, out: `^$`, words: `no retired key`},
		{args: `key list`, out: `(?s)\n\d+ +retired, removed +0 +\S+ \S+ +\d of 1\n\d+ +seals +0 +never +1 of 1\n$`},
	} {
		r := command(t, env, c.stdin, strings.Fields(c.args)...)
		if r.code != 0 || !regexp.MustCompile(c.out).MatchString(r.out) || !regexp.MustCompile(c.words).MatchString(r.err) {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q", c.args, r.code, r.out, r.err)
		}
	}
}

func TestWrongCommandsSayWhy(t *testing.T) {
	t.Parallel()
	env := onDatabase(t)
	server, _ := serving(t, env)
	server.end(t, syscall.SIGTERM)
	succeed(t, env, "stack", "add", "--name", "Taken")
	succeed(t, env, "user", "add", "--email", "ada@example.com")
	succeed(t, env, "token", "create", "--name", "twin", "--scope", "read", "--all-stacks")
	succeed(t, env, "token", "create", "--name", "twin", "--scope", "read", "--all-stacks")

	for _, c := range []struct {
		args  string
		stdin string
		code  int
		err   string
	}{
		{args: ``, code: 2, err: `expected one of "serve"`},
		{args: `deploy`, code: 2, err: `unexpected argument deploy`},
		{args: `serve --nonsense`, code: 2, err: `unknown flag --nonsense`},
		{args: `token`, code: 2, err: `expected one of "create"`},
		{args: `token create --name a --stack taken`, code: 2, err: `missing flags: --scope`},
		{args: `token create --name a --scope read`, code: 2, err: `--stack=ID or --all-stacks`},
		{args: `token create --name a --scope read --stack taken --all-stacks`, code: 2, err: `can't be used together`},
		{args: `token create --name a --scope write --stack taken`, code: 2, err: `--scope must be one of`},
		{args: `token create --name a --scope read --stack taken --expires 1y`, code: 2, err: `--expires must be one of`},
		{args: `user add --email b@example.com --role owner`, code: 2, err: `--role must be one of`},
		{args: `user add`, code: 2, err: `missing flags: --email`},

		{args: `stack add --name Taken`, code: 1, err: `has this id`},
		{args: `stack add --id new --name New`, code: 1, err: `Choose another id`},
		{args: `stack add --name 東京`, code: 1, err: `Enter an id`},
		{args: `token create --name a --scope read --stack none`, code: 1, err: `no stack "none".*stack list`},
		{args: `token revoke --name none`, code: 1, err: `no such token.*token list`},
		{args: `token revoke --name twin`, code: 1, err: `2 tokens are named "twin".*--id`},
		{args: `user add --email ada@example.com`, code: 1, err: `is here already`},
		{args: `user add --email ada`, code: 1, err: `not an email address`},
		{args: `user add --email b@example.com --base-url gopher://x`, code: 1, err: `STACKHOOK_BASE_URL`},
		{args: `user add --email b@example.com --password-stdin`, stdin: "short", code: 1, err: `at least 12 characters`},
		{args: `user add --email b@example.com --password-stdin`, code: 1, err: `no password on standard input`},
		{args: `user passwd --email b@example.com`, code: 1, err: `no user "b@example\.com".*user list`},
		{args: `user grant --email ada@example.com --stack none`, code: 1, err: `no stack "none"`},
	} {
		r := command(t, env, c.stdin, strings.Fields(c.args)...)
		if r.code != c.code || r.out != "" || !regexp.MustCompile(`^stackhook: .*`+c.err+`.*\n$`).MatchString(r.err) {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q", c.args, r.code, r.out, r.err)
		}
	}
	if users := succeed(t, env, "user", "list"); strings.Contains(users, "b@example.com") {
		t.Errorf("a refused command added a user:\n%s", users)
	}
}

func TestCommandsMakeNoDatabase(t *testing.T) {
	t.Parallel()
	env := onDatabase(t)
	path := strings.TrimPrefix(env[0], "STACKHOOK_DATABASE=")
	for _, args := range []string{"stack list", "token list", "user list", "user add --email ada@example.com"} {
		r := command(t, env, "", strings.Fields(args)...)
		if r.code != 1 || !strings.Contains(r.err, "no database at "+path) || !strings.Contains(r.err, "STACKHOOK_DATABASE") {
			t.Errorf("%s: exit code %d, stderr %q", args, r.code, r.err)
		}
	}
}

func TestHelpAndVersion(t *testing.T) {
	t.Parallel()
	for _, args := range []string{
		"", "serve", "demo", "exec", "user", "user add", "user list", "user passwd", "user grant", "user revoke", "user unlink",
		"token", "token create", "token list", "token revoke", "stack", "stack add", "stack list", "key", "key list", "key rotate",
		"key prune", "backup", "version", "report", "report start", "report state", "report finish", "report flush",
	} {
		r := command(t, nil, "", append(strings.Fields(args), "--help")...)
		if r.code != 0 || r.err != "" || !strings.HasPrefix(r.out, strings.TrimSpace("Usage: stackhook "+args)) {
			t.Errorf("%s --help: exit code %d, stdout %q, stderr %q", args, r.code, r.out, r.err)
		}
	}
	if out := succeed(t, nil, "version"); !regexp.MustCompile(`^stackhook \S+\ncommit \S+.*\ngo1\.\S+ \S+/\S+$`).MatchString(out) {
		t.Errorf("version: %q", out)
	}
}
