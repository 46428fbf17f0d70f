package delivery

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"

	"code.dny.dev/ssrf"

	"stackhook/models"
)

// The first, the last and a middle address of what is special, and the public ones right beside it.
var addresses = []struct {
	refused []string
	rule    string // the range that the message names
}{
	{[]string{"0.0.0.0", "0.255.255.255"}, "0.0.0.0/8"},
	{[]string{"10.0.0.0", "10.20.30.40", "10.255.255.255", "::ffff:10.0.0.1"}, "10.0.0.0/8"},
	{[]string{"100.64.0.0", "100.100.100.200", "100.127.255.255"}, "100.64.0.0/10"},
	{[]string{"127.0.0.1", "127.255.255.255", "::ffff:127.0.0.1", "::ffff:7f00:1"}, "127.0.0.0/8"},
	{[]string{"168.63.129.16"}, "168.63.129.16/32"},
	{[]string{"169.254.0.0", "169.254.169.254", "::ffff:169.254.169.254"}, "169.254.0.0/16"},
	{[]string{"172.16.0.0", "172.31.255.255"}, "172.16.0.0/12"},
	{[]string{"192.0.0.0", "192.0.0.192"}, "192.0.0.0/24"},
	{[]string{"192.0.2.1"}, "192.0.2.0/24"},
	{[]string{"192.88.99.1"}, "192.88.99.0/24"},
	{[]string{"192.168.0.0", "192.168.255.255"}, "192.168.0.0/16"},
	{[]string{"198.18.0.0", "198.19.255.255"}, "198.18.0.0/15"},
	{[]string{"198.51.100.7"}, "198.51.100.0/24"},
	{[]string{"203.0.113.7"}, "203.0.113.0/24"},
	{[]string{"224.0.0.1", "239.255.255.255"}, "224.0.0.0/4"},
	{[]string{"240.0.0.1", "255.255.255.254"}, "240.0.0.0/4"},
	{[]string{"255.255.255.255"}, "255.255.255.255/32"},
	{[]string{"::"}, "::/128"},
	{[]string{"::1", "::1%lo"}, "::1/128"},
	{[]string{"::7f00:1"}, "::/96"},
	{[]string{"64:ff9b::7f00:1", "64:ff9b::a00:1"}, "64:ff9b::/96"},
	{[]string{"64:ff9b:1::1"}, "64:ff9b:1::/48"},
	{[]string{"100::1"}, "100::/64"},
	{[]string{"2001::1"}, "2001::/32"},
	{[]string{"2001:1ff::1"}, "2001::/23"},
	{[]string{"2001:db8::1"}, "2001:db8::/32"},
	{[]string{"2002:7f00:1::"}, "2002::/16"},
	{[]string{"3fff::1"}, "3fff::/20"},
	{[]string{"fc00::1", "fd00:ec2::254"}, "fc00::/7"},
	{[]string{"fe80::1", "fe80::1%eth0", "febf::1"}, "fe80::/10"},
	{[]string{"fec0::1"}, "fec0::/10"},
	{[]string{"ff02::1", "ff0e::1"}, "ff00::/8"},
	{[]string{"4000::1", "1fff::1"}, "::/0"},
}

var public = []string{
	"1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0", "168.63.129.15",
	"172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0", "198.20.0.0", "223.255.255.255", "::ffff:1.1.1.1",
	"2001:200::1", "2606:4700:4700::1111", "2a00:1450:4001::1",
}

func TestGuard(t *testing.T) {
	t.Parallel()
	g := newGuard(nil)
	for _, a := range addresses {
		for _, text := range a.refused {
			err := g.check(netip.MustParseAddr(text))
			var blocked *blockedError
			if !errors.As(err, &blocked) {
				t.Errorf("%s: got %v, want it refused", text, err)
				continue
			}
			shown := netip.MustParseAddr(text).Unmap().WithZone("").String()
			for _, part := range []string{shown + " is in " + a.rule + " (", "STACKHOOK_ALLOW_NETWORKS"} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%s: %q does not contain %q", text, err, part)
				}
			}
		}
	}
	for _, text := range public {
		if err := g.check(netip.MustParseAddr(text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// Whatever the library refuses has a name of its own in our table.
func TestEveryRefusedRangeIsNamed(t *testing.T) {
	t.Parallel()
	for _, p := range slices.Concat(ssrf.IPv4DeniedPrefixes, ssrf.IPv6DeniedPrefixes) {
		if got := rangeOf(p.Addr()); got.prefix.Bits() < p.Bits() {
			t.Errorf("%s is named only as %s (%s)", p, got.prefix, got.name)
		}
	}
}

func TestGuardAllows(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		allow            string
		allowed, refused []string
	}{
		{"127.0.0.0/8", []string{"127.0.0.1", "::ffff:127.0.0.1"}, []string{"::1", "10.0.0.1"}},
		{"::1/128", []string{"::1"}, []string{"127.0.0.1", "::2"}},
		{"::ffff:10.1.0.0/112", []string{"10.1.2.3", "::ffff:10.1.2.3"}, []string{"10.2.0.1"}},
		{"10.1.2.3/32", []string{"10.1.2.3"}, []string{"10.1.2.4"}},
		{"fe80::/10", []string{"fe80::1%eth0"}, []string{"fec0::1"}},
	} {
		g := newGuard([]netip.Prefix{netip.MustParsePrefix(c.allow)})
		for _, a := range c.allowed {
			if err := g.check(netip.MustParseAddr(a)); err != nil {
				t.Errorf("%s allowed: %v", c.allow, err)
			}
		}
		for _, a := range c.refused {
			if g.check(netip.MustParseAddr(a)) == nil {
				t.Errorf("%s allowed: %s is not refused", c.allow, a)
			}
		}
	}
}

func TestGuardControl(t *testing.T) {
	t.Parallel()
	g := newGuard(nil)
	for _, c := range []struct {
		network, address string
		ok               bool
	}{
		{"tcp4", "1.1.1.1:65535", true},
		{"tcp6", "[2606:4700:4700::1111]:1", true},
		{"tcp6", "[::ffff:127.0.0.1]:80", false},
		{"tcp4", "127.0.0.1:80", false},
		{"udp4", "1.1.1.1:53", false},
		{"unix", "/run/docker.sock", false},
		{"tcp4", "localhost:80", false},
	} {
		if err := g.control(t.Context(), c.network, c.address, syscall.RawConn(nil)); (err == nil) != c.ok {
			t.Errorf("%s %s: %v", c.network, c.address, err)
		}
	}
}

// With several addresses the next one is tried; only if all are refused is that the reason, and all are named.
func TestDialTriesAllAddresses(t *testing.T) {
	t.Parallel()
	open, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	closed, err := net.Listen("tcp4", "127.0.0.2:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close() // its port now refuses
	_, openPort, _ := net.SplitHostPort(open.Addr().String())
	_, closedPort, _ := net.SplitHostPort(closed.Addr().String())

	d := newDialer(Config{AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/30")}}.withDefaults())
	d.Resolver = resolver(t, map[string][]string{
		"second.test.":  {"10.0.0.1", "127.0.0.1"},
		"refuses.test.": {"10.0.0.1", "127.0.0.2", "192.168.0.1"},
		"blocked.test.": {"10.0.0.1", "192.168.0.1", "fd00::1"},
	})
	for _, c := range []struct {
		address string
		want    models.Reason
		detail  []string
	}{
		{"second.test:" + openPort, "", nil},
		{"refuses.test:" + closedPort, models.ReasonRefused, nil},
		{"blocked.test:80", models.ReasonBlocked, []string{"10.0.0.1 is in 10.0.0.0/8", "192.168.0.1 is in 192.168.0.0/16", "fd00::1 is in fc00::/7"}},
		{"10.9.8.7:80", models.ReasonBlocked, []string{"10.9.8.7 is in 10.0.0.0/8 (private network)"}},
		{"unknown.test:80", models.ReasonDNS, nil},
	} {
		conn, err := d.dial(context.Background(), "tcp", c.address)
		if err == nil {
			conn.Close()
			if c.want != "" {
				t.Errorf("%s: connected, want %s", c.address, c.want)
			}
			continue
		}
		if got := judgeError(err, connecting); got != c.want {
			t.Errorf("%s: got %s (%v), want %s", c.address, got, err, c.want)
		}
		for _, part := range c.detail {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %q does not contain %q", c.address, err, part)
			}
		}
	}
}

func TestAddressHint(t *testing.T) {
	t.Parallel()
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	for _, c := range []struct {
		endpoint string
		allow    []netip.Prefix
		want     string // part of the hint, "" for none
	}{
		{"https://1.1.1.1/hook", nil, ""},
		{"http://127.0.0.1:8080/", loopback, ""},
		{"http://[::1]:8080/", loopback, ""},
		{"http://127.0.0.1:8080/secret", nil, "Nothing can be sent to this endpoint: 127.0.0.1 is in 127.0.0.0/8 (this machine)."},
		{"http://localhost/", nil, "(this machine)"},
		{"http://[fe80::1]/", nil, "fe80::1 is in fe80::/10 (link-local)"},
	} {
		endpoint, err := models.ParseEndpoint(c.endpoint)
		if err != nil {
			t.Fatal(err)
		}
		got := AddressHint(t.Context(), c.allow, endpoint)
		if c.want == "" && got != "" || !strings.Contains(got, c.want) || strings.Contains(got, "secret") {
			t.Errorf("%s: got %q, want %q", c.endpoint, got, c.want)
		}
	}
}

func TestAddressHintOfLookUp(t *testing.T) {
	t.Parallel()
	private, publicOne := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("1.1.1.1")
	for _, c := range []struct {
		name      string
		addresses []netip.Addr
		err       error
		want      string
	}{
		{"one is public", []netip.Addr{private, publicOne}, nil, ""},
		{"none is", []netip.Addr{private}, nil, "10.0.0.1 is in 10.0.0.0/8"},
		{"unknown name", nil, &net.DNSError{IsNotFound: true}, "The name example.com is not known to DNS"},
		{"DNS is down", nil, &net.DNSError{IsTimeout: true}, ""},
		{"no time left", nil, context.DeadlineExceeded, ""},
	} {
		got := addressHint(newGuard(nil), "example.com", c.addresses, c.err)
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}
