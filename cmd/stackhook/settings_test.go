package main

import (
	"log/slog"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"stackhook/delivery"
)

// typed reads flags of serve as the program does.
func typed(t *testing.T, args ...string) settingFlags {
	t.Helper()
	var cli commands
	parser, err := kong.New(&cli)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse(append([]string{"serve"}, args...)); err != nil {
		t.Fatal(err)
	}
	return cli.Serve.settingFlags
}

func TestDefaultSettings(t *testing.T) {
	t.Parallel()
	s, err := typed(t).settings()
	if err != nil {
		t.Fatal(err)
	}
	if s.Database != "stackhook.db" || s.KeyFile != "" || s.Addr != "127.0.0.1:8080" || s.BaseURL != nil || s.Account != "stackhook" ||
		s.TrustedProxies != nil || s.LogJSON || s.LogLevel != slog.LevelInfo || s.Admin.Email != "" || s.AdminPassword != "" {
		t.Errorf("%+v", s)
	}
	want := delivery.Defaults() // what is documented here and there is the same
	got := s.Engine
	if got.ConnectTimeout != 0 || got.MaxPerWebhook != 0 || got.Lease != 0 {
		t.Errorf("a default that depends on other settings is fixed: %+v", got)
	}
	got.ConnectTimeout, got.MaxPerWebhook, got.Lease = want.ConnectTimeout, want.MaxPerWebhook, want.Lease
	got.Version, got.Logger, got.Poll, got.Drain = want.Version, want.Logger, want.Poll, want.Drain
	if !reflect.DeepEqual(got, want) {
		t.Errorf("engine: %+v\nwant %+v", got, want)
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	s, err := typed(t, "--addr=[::1]:9090", "--base-url=https://hooks.example.com/", "--database=/data/x.db", "--key-file=/keys/k",
		"--account=acme", "--admin-email=Ada@Example.com", "--admin-password=a long password", "--allow-networks=10.1.2.3/8, ::1/128",
		"--trusted-proxies=192.168.0.0/16", "--timeout=20s", "--connect-timeout=2s", "--retry-delays=1s, 2m", "--max-in-flight=20",
		"--max-per-webhook=4", "--lease=60s", "--expire=1h", "--log-format=JSON", "--log-level=Warn").settings()
	if err != nil {
		t.Fatal(err)
	}
	if s.BaseURL.String() != "https://hooks.example.com" || s.Admin.Email != "ada@example.com" || !s.LogJSON || s.LogLevel != slog.LevelWarn ||
		s.Database != "/data/x.db" || s.KeyFile != "/keys/k" || s.Account != "acme" {
		t.Errorf("%+v", s)
	}
	if want := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}; !reflect.DeepEqual(s.Engine.AllowNetworks, want) {
		t.Errorf("allowed networks %v", s.Engine.AllowNetworks)
	}
	if want := []time.Duration{time.Second, 2 * time.Minute}; !reflect.DeepEqual(s.Engine.RetryDelays, want) {
		t.Errorf("delays %v", s.Engine.RetryDelays)
	}
}

func TestWrongSettingsAreNamed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		flag string
		says string
	}{
		{"--addr=8080", "STACKHOOK_ADDR"},
		{"--addr=localhost:http", "STACKHOOK_ADDR"},
		{"--addr=localhost:65536", "STACKHOOK_ADDR"},
		{"--base-url=hooks.example.com", "STACKHOOK_BASE_URL"},
		{"--base-url=ftp://hooks.example.com", "STACKHOOK_BASE_URL"},
		{"--base-url=https://hooks.example.com/path", "STACKHOOK_BASE_URL"},
		{"--base-url=https://ada:geheim@hooks.example.com", "STACKHOOK_BASE_URL"},
		{"--account=", "STACKHOOK_ACCOUNT"},
		{"--account=a\nb", "STACKHOOK_ACCOUNT"},
		{"--admin-email=ada@example.com", "belong together"},
		{"--admin-password=geheimes geheimnis", "belong together"},
		{"--allow-networks=10.0.0.0", "STACKHOOK_ALLOW_NETWORKS"},
		{"--trusted-proxies=10.0.0.0/33", "STACKHOOK_TRUSTED_PROXIES"},
		{"--timeout=10", "STACKHOOK_TIMEOUT"},
		{"--timeout=0s", "STACKHOOK_TIMEOUT"},
		{"--connect-timeout=-1s", "STACKHOOK_CONNECT_TIMEOUT"},
		{"--retry-delays=5s,", "STACKHOOK_RETRY_DELAYS"},
		{"--max-in-flight=0", "STACKHOOK_MAX_IN_FLIGHT"},
		{"--max-per-webhook=many", "STACKHOOK_MAX_PER_WEBHOOK"},
		{"--lease=1", "STACKHOOK_LEASE"},
		{"--expire=7d", "STACKHOOK_EXPIRE"},
		{"--log-format=xml", "STACKHOOK_LOG_FORMAT"},
		{"--log-level=loud", "STACKHOOK_LOG_LEVEL"},
	} {
		_, err := typed(t, c.flag).settings()
		if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "geheim") || strings.ContainsRune(oneLine(err), '\n') {
			t.Errorf("%q: %v", c.flag, err)
		}
	}
}

// A setting alone is right if its value is: the defaults of others follow it.
func TestHowSettingsRelate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		flags []string
		says  string // "" if they are right
	}{
		{[]string{"--lease=50s"}, ""}, // the time-out plus 40 s
		{[]string{"--lease=49s"}, "STACKHOOK_LEASE"},
		{[]string{"--timeout=30s"}, ""},
		{[]string{"--timeout=21s", "--lease=60s"}, "STACKHOOK_LEASE"},
		{[]string{"--timeout=3s"}, ""},
		{[]string{"--timeout=4s", "--connect-timeout=5s"}, "STACKHOOK_CONNECT_TIMEOUT"},
		{[]string{"--connect-timeout=11s"}, "STACKHOOK_CONNECT_TIMEOUT"},
		{[]string{"--max-in-flight=4"}, ""},
		{[]string{"--max-in-flight=7", "--max-per-webhook=8"}, "STACKHOOK_MAX_PER_WEBHOOK"},
		{[]string{"--max-per-webhook=257"}, "STACKHOOK_MAX_PER_WEBHOOK"},
		{[]string{"--expire=61h"}, "STACKHOOK_EXPIRE"},
	} {
		_, err := typed(t, c.flags...).settings()
		if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%v: got %v, want %q", c.flags, err, c.says)
		}
	}
}

func TestAllWrongSettingsAreNamedAtOnce(t *testing.T) {
	t.Parallel()
	env := append(onDatabase(t), "STACKHOOK_TIMEOUT=soon", "STACKHOOK_ADMIN_EMAIL=ada", "STACKHOOK_ADMIN_PASSWORD=geheim", "STACKHOOK_LOG_LEVEL=")
	r := command(t, env, "", "serve", "--account", " ", "--retry-delays", "1s,x")
	for _, says := range []string{"STACKHOOK_TIMEOUT", "STACKHOOK_ADMIN_EMAIL", "STACKHOOK_ADMIN_PASSWORD", "STACKHOOK_ACCOUNT", "STACKHOOK_RETRY_DELAYS"} {
		if !strings.Contains(r.err, says) {
			t.Errorf("%s is not named", says)
		}
	}
	if r.code != 1 || strings.Count(r.err, "\n") != 1 || strings.Contains(r.err, "geheim") || strings.Contains(r.err, "STACKHOOK_LOG_LEVEL") {
		t.Errorf("exit code %d, stderr %q", r.code, r.err)
	}
}

func TestFlagsWinOverTheEnvironment(t *testing.T) {
	t.Parallel()
	env := append(onDatabase(t), "STACKHOOK_TIMEOUT=soon", "STACKHOOK_MAX_IN_FLIGHT=none")
	r := command(t, env, "", "serve", "--timeout=10s")
	if r.code != 1 || strings.Contains(r.err, "STACKHOOK_TIMEOUT") || !strings.Contains(r.err, "STACKHOOK_MAX_IN_FLIGHT") {
		t.Errorf("exit code %d, stderr %q", r.code, r.err)
	}
}

func TestPublicURL(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]string{
		"127.0.0.1:8080":      "http://127.0.0.1:1234",
		"localhost:0":         "http://localhost:1234",
		"[::1]:0":             "http://[::1]:1234",
		"hooks.example.com:0": "http://hooks.example.com:1234",
		"0.0.0.0:8080":        "http://localhost:1234 (guessed)",
		"[::]:8080":           "http://localhost:1234 (guessed)",
		"[::ffff:0.0.0.0]:80": "http://localhost:1234 (guessed)",
		":8080":               "http://localhost:1234 (guessed)",
	} {
		base, guessed := publicURL(addr, "1234")
		got := base.String()
		if guessed {
			got += " (guessed)"
		}
		if got != want {
			t.Errorf("%s: %s, want %s", addr, got, want)
		}
	}
	for addr, want := range map[string]string{"127.0.0.1:80": "http://127.0.0.1", "[::1]:80": "http://[::1]", ":80": "http://localhost"} {
		if base, _ := publicURL(addr, "80"); base.String() != want {
			t.Errorf("%s: %s, want %s", addr, base, want)
		}
	}
}
