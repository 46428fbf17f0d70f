package delivery

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// directory is a real DNS server on this machine, which looks names up in a table. Other names are unknown; "!" in the
// place of an address makes it fail.
type directory struct {
	resolver *net.Resolver

	mu    sync.Mutex
	names map[string][]string
	later map[string][]string // what a name has from the second look-up on
	asked map[string]int      // look-ups of a name's IPv4 addresses; those of the others come beside them
}

func newDirectory(t *testing.T, names map[string][]string) *directory {
	t.Helper()
	server, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	d := &directory{names: names, later: map[string][]string{}, asked: map[string]int{}}
	d.resolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		return net.Dial("udp4", server.LocalAddr().String())
	}}
	go func() {
		packet := make([]byte, 512)
		for {
			n, from, err := server.ReadFrom(packet)
			if err != nil {
				return
			}
			if answer, ok := d.answer(packet[:n]); ok {
				server.WriteTo(answer, from)
			}
		}
	}()
	return d
}

// resolver looks names up in a table.
func resolver(t *testing.T, names map[string][]string) *net.Resolver {
	t.Helper()
	return newDirectory(t, names).resolver
}

// set gives a name other addresses.
func (d *directory) set(name string, addresses ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.names[name] = addresses
}

// change gives a name other addresses as soon as it was looked up once.
func (d *directory) change(name string, addresses ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.later[name] = addresses
}

// lookups returns how often a name was looked up.
func (d *directory) lookups(name string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.asked[name]
}

func (d *directory) answer(query []byte) ([]byte, bool) {
	var m dnsmessage.Message
	if m.Unpack(query) != nil || len(m.Questions) != 1 {
		return nil, false
	}
	q := m.Questions[0]
	d.mu.Lock()
	defer d.mu.Unlock()
	name := q.Name.String()
	found, known := d.names[name]
	if later, changes := d.later[name]; changes && d.asked[name] > 0 {
		found = later
	}
	if q.Type == dnsmessage.TypeA {
		d.asked[name]++
	}
	return answerLookup(m, found, known)
}

func answerLookup(m dnsmessage.Message, found []string, known bool) ([]byte, bool) {
	q := m.Questions[0]
	m.Response, m.Authoritative, m.Additionals = true, true, nil
	if !known {
		m.RCode = dnsmessage.RCodeNameError
	}
	for _, text := range found {
		if text == "!" {
			m.RCode = dnsmessage.RCodeServerFailure
			continue
		}
		addr := netip.MustParseAddr(text)
		header := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class}
		switch {
		case addr.Is4() && q.Type == dnsmessage.TypeA:
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AResource{A: addr.As4()}})
		case addr.Is6() && q.Type == dnsmessage.TypeAAAA:
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AAAAResource{AAAA: addr.As16()}})
		}
	}
	answer, err := m.Pack()
	return answer, err == nil
}
