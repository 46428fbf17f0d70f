package delivery

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// IANA's two registries of special-purpose addresses, all of them, whether or not they call a range globally reachable:
// nobody's receiver is in one. Beside them, what is special by other rules.
var (
	special4 = []string{
		"0.0.0.0/8", "0.0.0.0/32", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
		"192.0.0.0/24", "192.0.0.0/29", "192.0.0.8/32", "192.0.0.9/32", "192.0.0.10/32", "192.0.0.170/32", "192.0.0.171/32",
		"192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.88.99.2/32", "192.168.0.0/16",
		"192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4", "255.255.255.255/32",
		"224.0.0.0/4", // multicast
	}
	special6 = []string{
		"::/128", "::1/128", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "100:0:0:1::/64", "2001::/23", "2001::/32",
		"2001:1::1/128", "2001:1::2/128", "2001:1::3/128", "2001:2::/48", "2001:3::/32", "2001:4:112::/48", "2001:10::/28",
		"2001:20::/28", "2001:30::/28", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20", "5f00::/16",
		"fc00::/7", "fe80::/10",
		"::/96", "::ffff:0:0:0/96", // IPv4-compatible, IPv4-translated
		"fec0::/10", "ff00::/8", // site-local, multicast
		"::/3", "4000::/2", "8000::/1", // all that is not global unicast
	}
	// metadata answers with a machine's own data and keys.
	metadata = []string{
		"169.254.169.254", "169.254.170.2", "169.254.170.23", "169.254.42.42", "100.100.100.200", "168.63.129.16", "192.0.0.192",
		"fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254", "fd00:42::42", "fe80::a9fe:a9fe",
	}
)

// embeddings are the ways in which an IPv4 address is written into an IPv6 one, as prefix and suffix of its four bytes.
var embeddings = map[string]func(netip.Addr) netip.Addr{
	"IPv4-mapped":     embed("::ffff:0:0", 12),
	"IPv4-compatible": embed("::", 12),
	"IPv4-translated": embed("::ffff:0:0:0", 12),
	"NAT64":           embed("64:ff9b::", 12),
	"local NAT64":     embed("64:ff9b:1::", 12),
	"6to4":            embed("2002::1", 2),
	"Teredo's server": embed("2001::", 4),
	"Teredo's client": func(a netip.Addr) netip.Addr {
		b := a.As4()
		for i := range b {
			b[i] = ^b[i]
		}
		return embed("2001:0:101:101::", 12)(netip.AddrFrom4(b))
	},
	"ISATAP":        embed("2a00:1450:4001::5efe:0:0", 12),
	"global ISATAP": embed("2a00:1450:4001:0:200:5efe::", 12),
}

func embed(into string, at int) func(netip.Addr) netip.Addr {
	return func(a netip.Addr) netip.Addr {
		b, four := netip.MustParseAddr(into).As16(), a.As4()
		copy(b[at:], four[:])
		return netip.AddrFrom16(b)
	}
}

// edges returns a range's first and last address, and one in the middle.
func edges(text string) []netip.Addr {
	p := netip.MustParsePrefix(text)
	last := p.Addr().AsSlice()
	for bit := p.Bits(); bit < 8*len(last); bit++ {
		last[bit/8] |= 0x80 >> (bit % 8)
	}
	middle := slices.Clone(last)
	if p.Bits() < 8*len(last) {
		middle[p.Bits()/8] &^= 0x80 >> (p.Bits() % 8)
	}
	list := []netip.Addr{p.Addr()}
	for _, b := range [][]byte{middle, last} {
		a, _ := netip.AddrFromSlice(b)
		list = append(list, a)
	}
	return list
}

func TestSpecialRangesAreRefused(t *testing.T) {
	t.Parallel()
	g := newGuard(nil)
	refused := func(a netip.Addr, what string) {
		if g.check(a) == nil {
			t.Errorf("%s, %s, is not refused", a, what)
		}
	}
	for _, text := range special6 {
		for _, a := range edges(text) {
			refused(a, "of "+text)
		}
	}
	for _, text := range special4 {
		for _, a := range edges(text) {
			refused(a, "of "+text)
			for how, embedded := range embeddings {
				refused(embedded(a), how+" of "+text)
			}
		}
	}
	for _, text := range metadata {
		a := netip.MustParseAddr(text)
		refused(a, "metadata")
		if a.Is4() {
			for how, embedded := range embeddings {
				refused(embedded(a), how+" of metadata")
			}
		}
	}
}

// The addresses right beside IANA's ranges are somebody's, unless they are in another one.
func TestNeighboursOfSpecialRangesAreAllowed(t *testing.T) {
	t.Parallel()
	g := newGuard(nil)
	for _, text := range slices.Concat(special4, special6) {
		list := edges(text)
		for _, a := range []netip.Addr{list[0].Prev(), list[2].Next()} {
			special := !a.IsValid() || slices.ContainsFunc(slices.Concat(special4, special6), func(other string) bool {
				return netip.MustParsePrefix(other).Contains(a)
			})
			if !special && g.check(a) != nil {
				t.Errorf("%s, beside %s, is refused: %v", a, text, g.check(a))
			}
		}
	}
}

// A tunnel's address is as good as the one that it leads to, and is named by that; an operator may allow either.
func TestISATAP(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		allow, address string
		want           string // part of the message, "" for none
	}{
		{"", "2a00:1450:4001::5efe:101:101", ""},
		{"", "2a00:1450:4001::200:5efe:101:101", ""},
		{"", "2a00:1450:4001::5efe:a00:1", "2a00:1450:4001::5efe:a00:1 is in 10.0.0.0/8 (private network, by ISATAP)"},
		{"", "2a00:1450:4001::200:5efe:a9fe:a9fe", "is in 169.254.0.0/16 (link-local and cloud metadata, by ISATAP)"},
		{"", "2a00:1450:4001::100:5efe:a00:1", ""}, // no ISATAP
		{"", "fe80::5efe:101:101", "is in fe80::/10 (link-local)"},
		{"10.0.0.0/8", "2a00:1450:4001::5efe:a00:1", ""},
		{"2a00:1450:4001::/48", "2a00:1450:4001::5efe:a00:1", ""},
		{"2a00:1450:4002::/48", "2a00:1450:4001::5efe:a00:1", "10.0.0.0/8"},
	} {
		var allow []netip.Prefix
		if c.allow != "" {
			allow = append(allow, netip.MustParsePrefix(c.allow))
		}
		err := newGuard(allow).check(netip.MustParseAddr(c.address))
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s with %q allowed: %v, want %q", c.address, c.allow, err, c.want)
		}
	}
}

// Of any IPv4 address, only its mapped form and a tunnel's may be dialled, when it itself may.
func TestEmbeddings(t *testing.T) {
	t.Parallel()
	g := newGuard(nil)
	for n := uint64(0); n < 1<<32; n += 1<<32/4999 + 1 {
		a := netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, uint32(n))))
		for how, embedded := range embeddings {
			want := g.check(a) == nil && (how == "IPv4-mapped" || strings.HasSuffix(how, "ISATAP"))
			if got := g.check(embedded(a)) == nil; got != want {
				t.Errorf("%s of %s, %s: allowed is %v, want %v", how, a, embedded(a), got, want)
			}
		}
	}
}
