package delivery

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"time"

	"stackhook/models"
)

// hintWithin bounds the look-up while a person waits for a form to be saved.
const hintWithin = 2 * time.Second

// AddressHint says, when an endpoint is saved, why nothing can be sent to it as things are: its name is unknown, or all
// its addresses are ones that endpoints may not have. It is "" when there is nothing to say, or no answer within 2 s.
// Every attempt decides anew: names change.
func AddressHint(ctx context.Context, allow []netip.Prefix, endpoint models.Endpoint) string {
	u, err := url.Parse(endpoint.URL)
	if err != nil {
		return "" // the form has said so already
	}
	ctx, cancel := context.WithTimeout(ctx, hintWithin)
	defer cancel()
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", u.Hostname())
	return addressHint(newGuard(allow), u.Hostname(), addresses, err)
}

// addressHint says what a look-up means for an endpoint.
func addressHint(g *guard, host string, addresses []netip.Addr, err error) string {
	var lookup *net.DNSError
	if errors.As(err, &lookup) && lookup.IsNotFound {
		return fmt.Sprintf("The name %s is not known to DNS at the moment. Check its spelling.", host)
	}
	var refused blockedError
	for _, a := range addresses {
		var blocked *blockedError
		if !errors.As(g.check(a), &blocked) {
			return ""
		}
		refused.addresses = append(refused.addresses, blocked.addresses...)
	}
	if len(refused.addresses) == 0 {
		return ""
	}
	return "Nothing can be sent to this endpoint: " + refused.Error()
}
