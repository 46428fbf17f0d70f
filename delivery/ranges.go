package delivery

import "net/netip"

// addressRange names a part of the address space as a person knows it.
type addressRange struct {
	prefix netip.Prefix
	name   string
}

// specialRanges names what the guard refuses. It decides nothing: that is the library's list of IANA's registries for
// special-purpose addresses. The two catch-alls name what has no purpose yet.
var specialRanges = []addressRange{
	{netip.MustParsePrefix("0.0.0.0/0"), "not a public address"},
	{netip.MustParsePrefix("0.0.0.0/8"), "this network"},
	{netip.MustParsePrefix("10.0.0.0/8"), "private network"},
	{netip.MustParsePrefix("100.64.0.0/10"), "shared by a carrier's customers"},
	{netip.MustParsePrefix("127.0.0.0/8"), "this machine"},
	{azureMetadata, "cloud metadata"},
	{netip.MustParsePrefix("169.254.0.0/16"), "link-local and cloud metadata"},
	{netip.MustParsePrefix("172.16.0.0/12"), "private network"},
	{netip.MustParsePrefix("192.0.0.0/24"), "protocol assignments"},
	{netip.MustParsePrefix("192.0.2.0/24"), "documentation"},
	{netip.MustParsePrefix("192.31.196.0/24"), "AS112 service"},
	{netip.MustParsePrefix("192.52.193.0/24"), "multicast tunnelling"},
	{netip.MustParsePrefix("192.88.99.0/24"), "6to4 relay"},
	{netip.MustParsePrefix("192.168.0.0/16"), "private network"},
	{netip.MustParsePrefix("192.175.48.0/24"), "AS112 service"},
	{netip.MustParsePrefix("198.18.0.0/15"), "benchmarking"},
	{netip.MustParsePrefix("198.51.100.0/24"), "documentation"},
	{netip.MustParsePrefix("203.0.113.0/24"), "documentation"},
	{netip.MustParsePrefix("224.0.0.0/4"), "multicast"},
	{netip.MustParsePrefix("240.0.0.0/4"), "reserved"},
	{netip.MustParsePrefix("255.255.255.255/32"), "broadcast"},

	{netip.MustParsePrefix("::/0"), "not global unicast"},
	{netip.MustParsePrefix("::/128"), "unspecified"},
	{netip.MustParsePrefix("::1/128"), "this machine"},
	{netip.MustParsePrefix("::/96"), "IPv4-compatible"},
	{netip.MustParsePrefix("64:ff9b::/96"), "NAT64"},
	{netip.MustParsePrefix("64:ff9b:1::/48"), "local NAT64"},
	{netip.MustParsePrefix("::ffff:0:0:0/96"), "IPv4-translated"},
	{netip.MustParsePrefix("100::/64"), "discard"},
	{netip.MustParsePrefix("100:0:0:1::/64"), "dummy"},
	{netip.MustParsePrefix("2001::/23"), "protocol assignments"},
	{netip.MustParsePrefix("2001::/32"), "Teredo"},
	{netip.MustParsePrefix("2001:2::/48"), "benchmarking"},
	{netip.MustParsePrefix("2001:3::/32"), "multicast tunnelling"},
	{netip.MustParsePrefix("2001:4:112::/48"), "AS112 service"},
	{netip.MustParsePrefix("2001:10::/28"), "hashes, not addresses"},
	{netip.MustParsePrefix("2001:20::/28"), "hashes, not addresses"},
	{netip.MustParsePrefix("2001:30::/28"), "drones' names"},
	{netip.MustParsePrefix("2001:db8::/32"), "documentation"},
	{netip.MustParsePrefix("2002::/16"), "6to4"},
	{netip.MustParsePrefix("2620:4f:8000::/48"), "AS112 service"},
	{netip.MustParsePrefix("3fff::/20"), "documentation"},
	{netip.MustParsePrefix("5f00::/16"), "segment routing"},
	{netip.MustParsePrefix("fc00::/7"), "private network"},
	{netip.MustParsePrefix("fe80::/10"), "link-local"},
	{netip.MustParsePrefix("fec0::/10"), "site-local"},
	{netip.MustParsePrefix("ff00::/8"), "multicast"},
}

// translators are networks whose addresses are sent on to the IPv4 address inside them, and at which byte that begins.
var translators = []struct {
	prefix netip.Prefix
	at     int
}{
	{netip.MustParsePrefix("64:ff9b::/96"), 12},
	{netip.MustParsePrefix("64:ff9b:1::/48"), 12}, // where a prefix of 96 bits, as translators have by default, puts it
	{netip.MustParsePrefix("::ffff:0:0:0/96"), 12},
	{netip.MustParsePrefix("2002::/16"), 2},
}

// translated returns the IPv4 address behind a translator. Who allows a translator's network, as an IPv6-only machine
// needs it, does not allow all that can be reached through it.
func translated(addr netip.Addr) (behind netip.Addr, is bool) {
	for _, t := range translators {
		if t.prefix.Contains(addr) {
			b := addr.As16()
			return netip.AddrFrom4([4]byte(b[t.at : t.at+4])), true
		}
	}
	return netip.Addr{}, false
}

// isatap returns the IPv4 address inside an ISATAP one (RFC 5214, section 6.1), to which a machine with such a tunnel
// sends what is for it. The network part may be anybody's.
func isatap(addr netip.Addr) (inside netip.Addr, is bool) {
	b := addr.As16()
	if !addr.Is6() || b[8]&^2 != 0 || b[9] != 0 || b[10] != 0x5e || b[11] != 0xfe {
		return netip.Addr{}, false
	}
	return netip.AddrFrom4([4]byte(b[12:])), true
}

// rangeOf returns the smallest range that an address is in.
func rangeOf(addr netip.Addr) addressRange {
	var found addressRange
	for _, r := range specialRanges {
		if r.prefix.Contains(addr) && (!found.prefix.IsValid() || r.prefix.Bits() > found.prefix.Bits()) {
			found = r
		}
	}
	if inside, is := isatap(addr); is && found.prefix.Bits() == 0 {
		found = rangeOf(inside)
		found.name += ", by ISATAP"
	}
	return found
}
