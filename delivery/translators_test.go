package delivery

import (
	"net/netip"
	"strings"
	"testing"
)

// Who allows a translator's network allows what is public behind it, and what else is allowed, but no more.
func TestTranslators(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		allow   string
		address string
		refused string // the range that the message names, "" for allowed
	}{
		{"64:ff9b::/96", "64:ff9b::101:101", ""},
		{"64:ff9b::/96", "64:ff9b::a9fe:a9fe", "169.254.169.254 is in 169.254.0.0/16 (link-local and cloud metadata)"},
		{"64:ff9b::/96", "64:ff9b::a00:1", "10.0.0.1 is in 10.0.0.0/8"},
		{"64:ff9b::/96", "64:ff9b::7f00:1", "127.0.0.1 is in 127.0.0.0/8"},
		{"64:ff9b::/96", "64:ff9b::a83f:8110", "168.63.129.16 is in 168.63.129.16/32"},
		{"64:ff9b::/96,10.0.0.0/8", "64:ff9b::a00:1", ""},
		{"10.0.0.0/8", "64:ff9b::a00:1", "64:ff9b::a00:1 is in 64:ff9b::/96 (NAT64)"},
		{"64:ff9b:1::/48", "64:ff9b:1::101:101", ""},
		{"64:ff9b:1::/48", "64:ff9b:1:abcd::a9fe:a9fe", "169.254.169.254 is in 169.254.0.0/16"},
		{"::ffff:0:0:0/96", "::ffff:0:101:101", ""},
		{"::ffff:0:0:0/96", "::ffff:0:a00:1", "10.0.0.1 is in 10.0.0.0/8"},
		{"2002::/16", "2002:101:101::1", ""},
		{"2002::/16", "2002:a00:1::1", "10.0.0.1 is in 10.0.0.0/8"},
		{"::/0", "64:ff9b::a9fe:a9fe", "169.254.169.254 is in 169.254.0.0/16"},
		{"::/0,0.0.0.0/0", "64:ff9b::a9fe:a9fe", ""},
	} {
		var allow []netip.Prefix
		for network := range strings.SplitSeq(c.allow, ",") {
			allow = append(allow, netip.MustParsePrefix(network))
		}
		err := newGuard(allow).check(netip.MustParseAddr(c.address))
		if c.refused == "" && err != nil || c.refused != "" && (err == nil || !strings.HasPrefix(err.Error(), c.refused)) {
			t.Errorf("%s allowed, %s: got %v, want %q", c.allow, c.address, err, c.refused)
		}
	}
}
