// Package line gives tests the line between a client and a server on this machine, and makes it fail as networks do.
//
// Only tests import it. As package needs it knows nothing of Stackhook.
package line

import (
	"net/url"
	"strings"
	"testing"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"
)

// Rest is what the proxy leaves behind, for packages that look for leaks: a fault that delays or slows something down waits
// on when its connection has ended, some for ever, and so does what copies to and from it.
func Rest() []goleak.Option {
	const link = "github.com/Shopify/toxiproxy/v2.(*ToxicLink)."
	return []goleak.Option{
		goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2/toxics.(*ToxicStub).Run"),
		goleak.IgnoreAnyFunction(link + "read"), goleak.IgnoreAnyFunction(link + "write"),
	}
}

// listenOn is not the address from which connections on this machine come: while a line is down none of them can take
// its port.
const listenOn = "127.0.0.2:0"

// Line passes on what a client and a server say to each other.
type Line struct {
	t     testing.TB
	to    *url.URL
	proxy *toxiproxy.Proxy
}

// New returns a line without faults to the server of a URL. It ends with the test.
func New(t testing.TB, to string) *Line {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	l := &Line{t: t, to: u}
	l.lay(listenOn, nil)
	t.Cleanup(func() { l.proxy.Stop() })
	return l
}

// URL is the server's URL with the line's address in it.
func (l *Line) URL() string {
	u := *l.to
	u.Host = l.proxy.Listen
	return u.String()
}

// Lay cuts all connections. New ones have these faults, or none.
func (l *Line) Lay(faults ...Fault) {
	l.t.Helper()
	l.Cut()
	l.lay(l.proxy.Listen, faults)
}

// Cut cuts all connections. New ones are refused until Lay.
func (l *Line) Cut() { l.proxy.Stop() }

// Worsen gives the connections that there are, and new ones, a further fault. It is for connections on which nothing
// goes on: the proxy hangs when one ends at that moment.
func (l *Line) Worsen(f Fault) {
	l.t.Helper()
	if _, err := l.proxy.Toxics.AddToxicJson(strings.NewReader(f.json())); err != nil {
		l.t.Fatal(err)
	}
}

// lay starts a new proxy rather than change one that runs, for the same reason.
func (l *Line) lay(address string, faults []Fault) {
	l.t.Helper()
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	l.proxy = toxiproxy.NewProxy(server, "line", address, l.to.Host)
	for _, f := range faults {
		l.Worsen(f)
	}
	if err := l.proxy.Start(); err != nil {
		l.t.Fatal(err)
	}
}
