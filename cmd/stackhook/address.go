package main

import (
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// check checks both settings and returns the base URL, nil if none is set.
func (f addressFlags) check(wrong *problems) *url.URL {
	_, port, err := net.SplitHostPort(f.Addr)
	if _, numberErr := strconv.ParseUint(port, 10, 16); err != nil || numberErr != nil {
		wrong.add("STACKHOOK_ADDR is %q: it must be a host and a port, such as 127.0.0.1:8080 or :8080", f.Addr)
	}
	if f.BaseURL == "" {
		return nil
	}
	base, err := url.Parse(strings.TrimRight(f.BaseURL, "/"))
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Hostname() == "" || base.Path != "" ||
		base.User != nil || base.RawQuery != "" || base.Fragment != "" {
		// It may hold a password: it is not quoted.
		wrong.add("STACKHOOK_BASE_URL must be http:// or https:// with a host and no path, such as https://hooks.example.com")
		return nil
	}
	return base
}

// url returns the public URL for a command that prints a link.
func (f addressFlags) url() (*url.URL, error) {
	var wrong problems
	base := f.check(&wrong)
	if err := wrong.err(); err != nil || base != nil {
		return base, err
	}
	_, port, _ := net.SplitHostPort(f.Addr)
	base, _ = publicURL(f.Addr, port)
	return base, nil
}

// publicURL returns the URL of a server that listens on addr. Its port is the one that it really got, should addr leave
// the choice to the system. guessed says that addr names no host, and localhost stands for it.
func publicURL(addr, port string) (base *url.URL, guessed bool) {
	host, _, _ := net.SplitHostPort(addr)
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.Unmap().IsUnspecified() {
		host, guessed = "localhost", true
	}
	if port == "80" {
		if strings.Contains(host, ":") {
			host = "[" + host + "]"
		}
		return &url.URL{Scheme: "http", Host: host}, guessed
	}
	return &url.URL{Scheme: "http", Host: net.JoinHostPort(host, port)}, guessed
}

// setupLink is the page that a one-time link's token opens.
func setupLink(base *url.URL, token string) string {
	return base.String() + "/setup?token=" + url.QueryEscape(token)
}
