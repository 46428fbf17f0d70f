package main

import (
	"log/slog"
	"net/netip"
	"net/url"
	"time"

	"stackhook/delivery"
	"stackhook/models"
)

// databaseFlags name the database. Every command that works on one has them.
type databaseFlags struct {
	Database string `env:"STACKHOOK_DATABASE" default:"stackhook.db" placeholder:"PATH|URL" help:"SQLite file, or a postgres:// URL (default: ${default})."`
	KeyFile  string `env:"STACKHOOK_KEY_FILE" placeholder:"PATH" help:"Keys for cookies and for secrets at rest (default: stackhook.key beside the SQLite file, or in the current folder)."`
}

// addressFlags say where the pages are: for listening, and for the links that commands print.
type addressFlags struct {
	Addr    string `env:"STACKHOOK_ADDR" default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Listen address (default: ${default})."`
	BaseURL string `env:"STACKHOOK_BASE_URL" name:"base-url" placeholder:"URL" help:"Public URL, for links and secure cookies (default: from the address)."`
}

// settingFlags are the settings of a server as typed. They are text, so that all that is wrong with them can be said at
// once, see settings. Those of the engine that depend on others have their defaults there: here they are empty.
type settingFlags struct {
	databaseFlags
	addressFlags
	signOnFlags
	Account        string `env:"STACKHOOK_ACCOUNT" default:"stackhook" placeholder:"NAME" help:"The payload's account (default: ${default})."`
	AdminEmail     string `env:"STACKHOOK_ADMIN_EMAIL" placeholder:"EMAIL" help:"First administrator, only while there is no user."`
	AdminPassword  string `env:"STACKHOOK_ADMIN_PASSWORD" placeholder:"PASSWORD" help:"Their password; the variable keeps it out of the process list."`
	AllowNetworks  string `env:"STACKHOOK_ALLOW_NETWORKS" placeholder:"CIDR,…" help:"Networks that endpoints may be in although they are not public."`
	TrustedProxies string `env:"STACKHOOK_TRUSTED_PROXIES" placeholder:"CIDR,…" help:"Networks of proxies whose X-Forwarded-For header is believed."`
	ConnectTimeout string `env:"STACKHOOK_CONNECT_TIMEOUT" placeholder:"TIME" help:"How long an attempt may take to connect (default: 5s, or the time-out if that is shorter)."`
	Timeout        string `env:"STACKHOOK_TIMEOUT" default:"10s" placeholder:"TIME" help:"How long an attempt may take in all (default: ${default})."`
	RetryDelays    string `env:"STACKHOOK_RETRY_DELAYS" default:"5s,30s,2m,10m,30m,2h,5h,10h,14h,24h" placeholder:"TIME,…" help:"Waits after each failed try, plus up to 10 % (default: ${default})."`
	MaxInFlight    string `env:"STACKHOOK_MAX_IN_FLIGHT" default:"256" placeholder:"N" help:"Requests at once (default: ${default})."`
	MaxPerWebhook  string `env:"STACKHOOK_MAX_PER_WEBHOOK" placeholder:"N" help:"Requests at once to one webhook (default: 8, or all that may be at once if that is less)."`
	Lease          string `env:"STACKHOOK_LEASE" placeholder:"TIME" help:"How long an attempt is this process's own: at least the time-out plus 40s (default: 60s, or that if it is longer)."`
	Expire         string `env:"STACKHOOK_EXPIRE" default:"168h" placeholder:"TIME" help:"When an undelivered delivery is given up: more than the sum of the delays plus 10 % (default: ${default})."`
	DisableAfter   string `env:"STACKHOOK_DISABLE_AFTER" default:"72h" placeholder:"TIME" help:"How long a webhook may fail before it is disabled (default: ${default})."`
	Retention      string `env:"STACKHOOK_RETENTION" default:"720h" placeholder:"TIME" help:"How long finished deliveries are kept (default: ${default})."`
	AuditRetention string `env:"STACKHOOK_AUDIT_RETENTION" default:"8760h" placeholder:"TIME" help:"How long audit records are kept (default: ${default})."`
	MetricsToken   string `env:"STACKHOOK_METRICS_TOKEN" placeholder:"TOKEN" help:"Bearer token for /metrics, which is not there without one."`
	LogFormat      string `env:"STACKHOOK_LOG_FORMAT" default:"text" placeholder:"FORMAT" help:"text or json (default: ${default})."`
	LogLevel       string `env:"STACKHOOK_LOG_LEVEL" default:"info" placeholder:"LEVEL" help:"debug, info, warn or error (default: ${default})."`
}

// settings are the checked settings of a server.
type settings struct {
	Database, KeyFile string
	Account           string
	Addr              string
	BaseURL           *url.URL // nil: from the address, see publicURL
	Admin             models.User
	AdminPassword     string
	TrustedProxies    []netip.Prefix
	Engine            delivery.Config
	Retention         time.Duration // of finished deliveries
	AuditRetention    time.Duration
	MetricsToken      string  // "": no metrics
	SignOn            *signOn // nil: no single sign-on
	NoPasswords       bool
	LogJSON           bool
	LogLevel          slog.Level
}

// settings checks what was typed. The error names every setting that is wrong.
func (f settingFlags) settings() (settings, error) {
	var wrong problems
	s := settings{
		Database: f.Database, KeyFile: f.KeyFile, Account: f.Account, Addr: f.Addr,
		Admin:          models.User{Email: models.NormalizeEmail(f.AdminEmail), Role: models.Administrator},
		AdminPassword:  f.AdminPassword,
		TrustedProxies: wrong.networks("STACKHOOK_TRUSTED_PROXIES", f.TrustedProxies),
		Retention:      wrong.duration("STACKHOOK_RETENTION", f.Retention),
		AuditRetention: wrong.duration("STACKHOOK_AUDIT_RETENTION", f.AuditRetention),
		MetricsToken:   f.MetricsToken,
		LogJSON:        wrong.choice("STACKHOOK_LOG_FORMAT", f.LogFormat, "text", "json") == "json",
	}
	wrong.account("STACKHOOK_ACCOUNT", f.Account)
	wrong.administrator(s.Admin, s.AdminPassword)
	s.BaseURL = f.addressFlags.check(&wrong)
	s.Engine = f.engine(&wrong)
	s.SignOn, s.NoPasswords = f.signOnFlags.check(&wrong), f.off(&wrong)
	if s.NoPasswords && s.SignOn == nil && f.Issuer == "" {
		wrong.add("STACKHOOK_PASSWORD_LOGIN is off, and without single sign-on (STACKHOOK_OIDC_ISSUER) nobody could sign in")
	}
	level := wrong.choice("STACKHOOK_LOG_LEVEL", f.LogLevel, "debug", "info", "warn", "error")
	if err := s.LogLevel.UnmarshalText([]byte(level)); err != nil {
		s.LogLevel = slog.LevelInfo // choice has said what is wrong
	}
	return s, wrong.err()
}

// engine checks the settings of the delivery engine, and, when each is well formed, how they relate.
func (f settingFlags) engine(wrong *problems) delivery.Config {
	before := len(*wrong)
	c := delivery.Config{
		Version:        buildVersion(),
		AllowNetworks:  wrong.networks("STACKHOOK_ALLOW_NETWORKS", f.AllowNetworks),
		ConnectTimeout: unlessEmpty(f.ConnectTimeout, "STACKHOOK_CONNECT_TIMEOUT", wrong.duration),
		Timeout:        wrong.duration("STACKHOOK_TIMEOUT", f.Timeout),
		RetryDelays:    wrong.durations("STACKHOOK_RETRY_DELAYS", f.RetryDelays),
		MaxInFlight:    wrong.count("STACKHOOK_MAX_IN_FLIGHT", f.MaxInFlight),
		MaxPerWebhook:  unlessEmpty(f.MaxPerWebhook, "STACKHOOK_MAX_PER_WEBHOOK", wrong.count),
		Lease:          unlessEmpty(f.Lease, "STACKHOOK_LEASE", wrong.duration),
		Expire:         wrong.duration("STACKHOOK_EXPIRE", f.Expire),
		DisableAfter:   wrong.duration("STACKHOOK_DISABLE_AFTER", f.DisableAfter),
	}
	if len(*wrong) == before {
		wrong.addError(c.Check())
	}
	return c
}
