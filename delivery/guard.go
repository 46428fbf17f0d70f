package delivery

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http/httptrace"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"

	"code.dny.dev/ssrf"
)

// guard keeps requests to public addresses and to the networks that the operator allows. An endpoint is chosen by a
// person, and the server must not become that person's way into the network.
type guard struct {
	rules *ssrf.Guardian
	allow []netip.Prefix // IPv6
}

// azureMetadata is a public address by the registries, but inside Azure it answers with the machine's own data.
var azureMetadata = netip.MustParsePrefix("168.63.129.16/32")

func newGuard(allow []netip.Prefix) *guard {
	var v4, v6 []netip.Prefix
	for _, p := range allow {
		if p.Addr().Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		if p.Addr().Is4() {
			v4 = append(v4, p)
		} else {
			v6 = append(v6, p)
		}
	}
	return &guard{allow: v6, rules: ssrf.New(ssrf.WithAnyPort(), ssrf.WithAllowedV4Prefixes(v4...), ssrf.WithAllowedV6Prefixes(v6...),
		ssrf.WithDeniedV4Prefixes(azureMetadata))}
}

// check returns a *blockedError if endpoints may not have the address. An IPv4 address in IPv6 clothes is judged as the
// IPv4 address that is dialled, and so is one behind a translator, whose own network must be allowed.
func (g *guard) check(addr netip.Addr) error {
	addr = addr.Unmap().WithZone("")
	if g.refuses(addr) {
		return &blockedError{[]netip.Addr{addr}}
	}
	if behind, is := translated(addr); is && g.refuses(behind) {
		return &blockedError{[]netip.Addr{behind}}
	}
	return nil
}

// refuses reports whether endpoints may not have the address, or the one that an ISATAP address leads to.
func (g *guard) refuses(addr netip.Addr) bool {
	if g.rules.SafeAddr(addr) != nil {
		return true
	}
	inside, is := isatap(addr)
	allowed := slices.ContainsFunc(g.allow, func(p netip.Prefix) bool { return p.Contains(addr) })
	return is && !allowed && g.rules.SafeAddr(inside) != nil
}

// control is a net.Dialer's ControlContext: it sees each address right before it is connected to, after the name was
// looked up, so that no second look-up can bring another.
func (g *guard) control(_ context.Context, network, address string, _ syscall.RawConn) error {
	target, err := netip.ParseAddrPort(address)
	if err != nil || network != "tcp4" && network != "tcp6" {
		return fmt.Errorf("dial %s over %s: not an address to send to", address, network)
	}
	return g.check(target.Addr())
}

// guardedDialer dials through a guard.
type guardedDialer struct{ net.Dialer }

func newDialer(c Config) *guardedDialer {
	return &guardedDialer{net.Dialer{Timeout: c.ConnectTimeout, ControlContext: newGuard(c.AllowNetworks).control}}
}

// dial connects to the first address of a name that can be. If none can, the error is that of the first address that
// was tried; only if all were refused by the guard, it is a *blockedError that names them all.
func (d *guardedDialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	var tries dialErrors
	conn, err := d.DialContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{ConnectDone: tries.add}), network, address)
	if err != nil {
		return nil, tries.summary(err)
	}
	return conn, nil
}

// dialErrors collects the errors of the addresses that one dial went through; net.Dialer itself returns only the first.
type dialErrors struct {
	mu      sync.Mutex
	blocked []netip.Addr
	tried   error // of the first address that was not blocked
}

func (e *dialErrors) add(_, _ string, err error) {
	if err == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	var blocked *blockedError
	switch {
	case errors.As(err, &blocked):
		e.blocked = append(e.blocked, blocked.addresses...)
	case e.tried == nil:
		e.tried = err
	}
}

func (e *dialErrors) summary(err error) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.tried != nil:
		return e.tried
	case len(e.blocked) > 0:
		return &blockedError{e.blocked}
	}
	return err
}

// blockedError says which addresses were refused, by which rule, and which setting would allow them.
type blockedError struct{ addresses []netip.Addr }

func (e *blockedError) Error() string {
	parts := make([]string, len(e.addresses))
	for i, a := range e.addresses {
		r := rangeOf(a)
		parts[i] = fmt.Sprintf("%s is in %s (%s)", a, r.prefix, r.name)
	}
	return strings.Join(parts, ", ") + ". Only public addresses are sent to; to allow this one, add its network to STACKHOOK_ALLOW_NETWORKS."
}
