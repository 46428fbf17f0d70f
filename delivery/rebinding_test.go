package delivery

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"stackhook/models"
)

// sites are two addresses of this machine with the same port: a receiver that may be sent to, and one that may not, of
// which every connection is counted.
type sites struct {
	allowed, forbidden string // addresses
	port               string
	reached            atomic.Int32 // the forbidden one
	sender             *sender
	names              *directory
}

// newSites also returns a sender that looks hook.test up: it leads to the receiver that may be sent to, until set.
func newSites(t *testing.T, handler http.HandlerFunc) *sites {
	t.Helper()
	s := &sites{allowed: "127.0.0.1", forbidden: "127.0.0.2"}
	open, trap := samePort(t, s.allowed, s.forbidden)
	_, s.port, _ = net.SplitHostPort(open.Addr().String())
	server := &http.Server{Handler: handler}
	go server.Serve(open)
	t.Cleanup(func() { server.Close() })
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := trap.Accept()
			if err != nil {
				return
			}
			s.reached.Add(1)
			conn.Close()
		}
	}()
	t.Cleanup(func() { trap.Close(); <-ended })
	s.names = newDirectory(t, map[string][]string{"hook.test.": {s.allowed}, "inside.test.": {s.forbidden}})
	s.sender = newSender(Config{AllowNetworks: []netip.Prefix{netip.MustParsePrefix(s.allowed + "/32")}}.withDefaults())
	t.Cleanup(s.sender.close)
	d := newDialer(s.sender.config)
	d.Resolver = s.names.resolver
	s.sender.transport.DialContext = d.dial
	return s
}

// samePort listens on one port of both addresses.
func samePort(t *testing.T, one, other string) (onOne, onOther net.Listener) {
	t.Helper()
	for range 100 {
		onOne, err := net.Listen("tcp4", one+":0")
		if err != nil {
			t.Fatal(err)
		}
		_, port, _ := net.SplitHostPort(onOne.Addr().String())
		if onOther, err = net.Listen("tcp4", other+":"+port); err == nil {
			return onOne, onOther
		}
		onOne.Close()
	}
	t.Fatalf("no port is free on both %s and %s", one, other)
	return nil, nil
}

func (s *sites) send(t *testing.T, host string) sent {
	return s.sender.send(t.Context(), sample(), targetOf("http://"+host+":"+s.port+"/"))
}

// blocked fails the test unless the attempt was refused because of the forbidden address, and that was never reached.
func (s *sites) blocked(t *testing.T, a sent) {
	t.Helper()
	if a.Reason != models.ReasonBlocked || a.Code != 0 || !strings.Contains(a.Detail, s.forbidden+" is in 127.0.0.0/8") || s.reached.Load() != 0 {
		t.Errorf("%d connections to the forbidden address, recorded %+v", s.reached.Load(), a.Attempt)
	}
}

func accept(http.ResponseWriter, *http.Request) {}

// A name that was fine when its webhook was saved, and at the first attempt, leads inside at the next: that one connects
// to nobody.
func TestANameThatComesToLeadInside(t *testing.T) {
	t.Parallel()
	s := newSites(t, accept)
	addresses, err := s.names.resolver.LookupNetIP(t.Context(), "ip", "hook.test")
	if hint := addressHint(newGuard(s.sender.config.AllowNetworks), "hook.test", addresses, err); hint != "" {
		t.Errorf("when it is saved: %s", hint)
	}
	if a := s.send(t, "hook.test"); a.Code != 200 || a.Address != s.allowed+":"+s.port {
		t.Errorf("the first attempt: %+v", a.Attempt)
	}
	s.names.set("hook.test.", s.forbidden)
	// An idle connection goes on to where it was made to, which was checked. A retry comes after it is closed.
	if a := s.send(t, "hook.test"); a.Code != 200 || !a.Reused || a.Address != s.allowed+":"+s.port {
		t.Errorf("on the idle connection: %+v", a.Attempt)
	}
	s.sender.close()
	s.blocked(t, s.send(t, "hook.test"))
	s.names.set("hook.test.", s.allowed)
	if a := s.send(t, "hook.test"); a.Code != 200 || a.Reused {
		t.Errorf("once it is fine again: %+v", a.Attempt)
	}
}

// What is checked is what is dialled: there is no second look-up between the two that could bring another address.
func TestOneLookUpAnAttempt(t *testing.T) {
	t.Parallel()
	s := newSites(t, accept)
	s.names.change("hook.test.", s.forbidden)
	if a := s.send(t, "hook.test"); a.Code != 200 || a.Address != s.allowed+":"+s.port {
		t.Errorf("%+v", a.Attempt)
	}
	if n := s.names.lookups("hook.test."); n != 1 {
		t.Errorf("looked up %d times", n)
	}
	s.sender.close()
	s.blocked(t, s.send(t, "hook.test"))
	if n := s.names.lookups("hook.test."); n != 2 {
		t.Errorf("looked up %d times in two attempts", n)
	}
}

// A kept connection is its own name's: another name with the same port, which leads inside, does not get it.
func TestKeptConnectionsAreNotShared(t *testing.T) {
	t.Parallel()
	s := newSites(t, accept)
	s.names.set("other.test.", s.allowed)
	for _, host := range []string{"hook.test", "other.test", "hook.test", s.allowed} {
		if a := s.send(t, host); a.Code != 200 || a.Address != s.allowed+":"+s.port {
			t.Errorf("%s: %+v", host, a.Attempt)
		}
		s.blocked(t, s.send(t, "inside.test"))
		s.blocked(t, s.send(t, s.forbidden))
	}
}

// A receiver cannot send us inside: nothing is followed, and where it pointed to is shown.
func TestRedirectsInside(t *testing.T) {
	t.Parallel()
	var location string
	s := newSites(t, func(w http.ResponseWriter, r *http.Request) {
		var code int
		fmt.Sscanf(r.Header.Get("webhook-id"), "code %d", &code)
		w.Header().Set("Location", location)
		w.WriteHeader(code)
		io.WriteString(w, "moved")
	})
	for _, location = range []string{"http://" + s.forbidden + ":" + s.port + "/", "http://inside.test:" + s.port + "/latest/meta-data/", "//" + s.forbidden + ":" + s.port} {
		for _, code := range []int{300, 301, 302, 303, 307, 308} {
			job := sample()
			job.Delivery.ID = fmt.Sprintf("code %d", code)
			a := s.sender.send(t.Context(), job, targetOf("http://hook.test:"+s.port+"/"))
			if a.Reason != models.ReasonRedirect || a.Code != code || !slices.Contains(a.Exchange.ResponseHeaders, models.Header{Name: "Location", Value: location}) {
				t.Errorf("%d to %s: %+v", code, location, a.Attempt)
			}
		}
	}
	if n := s.names.lookups("inside.test."); n != 0 || s.reached.Load() != 0 {
		t.Errorf("%d look-ups of where it pointed to, %d connections", n, s.reached.Load())
	}
}

// However an address is written, it is refused. Spellings that are no address to Go are looked up as names; a resolver
// may answer them as inet_aton reads them, and what it answers is checked like any other answer.
func TestSpellingsOfAddresses(t *testing.T) {
	t.Parallel()
	s := newSites(t, accept)
	for _, name := range []string{"0x7f.2.", "0x7f000002.", "0x7f.0.0.0x2.", "0177.0.0.0x2."} {
		s.names.set(name, s.forbidden)
	}
	for host, want := range map[string]models.Reason{
		"0x7f.2": models.ReasonBlocked, "0x7f000002": models.ReasonBlocked, "0x7f.0.0.0x2": models.ReasonBlocked, "0177.0.0.0x2": models.ReasonBlocked,
		"2130706434": models.ReasonDNS, "127.2": models.ReasonDNS, "0177.0.0.2": models.ReasonDNS, "127.0.0.2.": models.ReasonDNS,
		"[::ffff:127.0.0.2]": models.ReasonBlocked, "[::ffff:7f00:2]": models.ReasonBlocked, "[0:0:0:0:0:ffff:7f00:0002]": models.ReasonBlocked,
		"[::1%25lo]": models.ReasonBlocked, "[fe80::1%25lo]": models.ReasonBlocked, "[fe80::1%25nowhere]": models.ReasonBlocked, "[fe80::1%251]": models.ReasonBlocked,
		"[::ffff:127.0.0.2%25lo]": models.ReasonUnreachable, // an IPv4 address has no zone: it is none to dial
	} {
		if a := s.send(t, host); a.Reason != want || a.Detail == "" {
			t.Errorf("%s: %+v", host, a.Attempt)
		}
	}
	if n := s.reached.Load(); n != 0 {
		t.Errorf("%d connections to the forbidden address", n)
	}
}
