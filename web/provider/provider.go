package provider

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"stackhook/models"
)

// What may go wrong that a person can do something about. Other errors are the provider's or the network's.
var (
	// ErrUnreachable: the provider did not answer.
	ErrUnreachable = errors.New("the identity provider does not answer")
	// ErrCode: the provider does not take the code, which was used already or is too old.
	ErrCode = errors.New("the identity provider does not take the code")
)

// IsBadCode reports ErrCode.
func IsBadCode(err error) bool { return errors.Is(err, ErrCode) }

// IsAway reports ErrUnreachable.
func IsAway(err error) bool { return errors.Is(err, ErrUnreachable) }

// Config says which provider it is, and who we are there.
type Config struct {
	Issuer, ClientID, Secret string
	Redirect                 string   // where the provider sends people back to
	Scopes                   []string // beside openid, email and profile
	GroupsClaim              string   // "" for none
}

// Provider is the identity provider.
type Provider struct {
	config Config
	client *http.Client

	mu    sync.Mutex
	known *discovered
}

// New returns the provider. It is not asked anything yet.
func New(c Config) *Provider { return &Provider{config: c, client: newClient()} }

// discovered is what the provider says of itself.
type discovered struct {
	provider *oidc.Provider
	oauth    oauth2.Config
	sendsIss bool // answers name the issuer, RFC 9207
	at       time.Time
}

// discoverAgain is how old what the provider said of itself may be. If it does not answer then, it still holds.
const discoverAgain = time.Hour

// discover returns what the provider says of itself, and asks it the first time and every hour. Of several requests at once
// each asks: none waits for another's time-out.
func (p *Provider) discover(ctx context.Context) (*discovered, error) {
	p.mu.Lock()
	known := p.known
	p.mu.Unlock()
	if known != nil && time.Since(known.at) < discoverAgain {
		return known, nil
	}
	found, err := p.ask(oidc.ClientContext(ctx, p.client))
	if err != nil && known == nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	if err != nil {
		found = &discovered{provider: known.provider, oauth: known.oauth, sendsIss: known.sendsIss, at: time.Now()}
	}
	p.mu.Lock()
	p.known = found
	p.mu.Unlock()
	return found, nil
}

func (p *Provider) ask(ctx context.Context) (*discovered, error) {
	found, err := oidc.NewProvider(ctx, p.config.Issuer)
	if err != nil {
		return nil, err
	}
	var says struct {
		Methods  []string `json:"token_endpoint_auth_methods_supported"`
		SendsIss bool     `json:"authorization_response_iss_parameter_supported"`
	}
	if err := found.Claims(&says); err != nil {
		return nil, err
	}
	endpoint := found.Endpoint()
	for _, address := range []string{endpoint.AuthURL, endpoint.TokenURL} {
		if err := sameSecurity(p.config.Issuer, address); err != nil {
			return nil, err
		}
	}
	// Left to itself the library tries one way and then the other, and a code that is sent twice is one that was stolen.
	endpoint.AuthStyle = oauth2.AuthStyleInHeader
	if len(says.Methods) > 0 && !slices.Contains(says.Methods, "client_secret_basic") {
		endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	return &discovered{
		provider: found, sendsIss: says.SendsIss, at: time.Now(),
		oauth: oauth2.Config{
			ClientID: p.config.ClientID, ClientSecret: p.config.Secret, Endpoint: endpoint, RedirectURL: p.config.Redirect,
			Scopes: append([]string{oidc.ScopeOpenID, "email", "profile"}, p.config.Scopes...),
		},
	}, nil
}

// sameSecurity refuses an endpoint without https, unless the issuer itself has none, as on a developer's machine.
func sameSecurity(issuer, endpoint string) error {
	i, err := url.Parse(issuer)
	if err != nil {
		return err
	}
	e, err := url.Parse(endpoint)
	if err != nil {
		return err
	}
	if e.Host == "" || e.Scheme != "https" && e.Scheme != i.Scheme {
		return errors.New("the identity provider names an endpoint without https")
	}
	return nil
}

// Address returns where somebody signs in, with the state that comes back from there.
func (p *Provider) Address(ctx context.Context, state string, try models.SignOn) (string, error) {
	known, err := p.discover(ctx)
	if err != nil {
		return "", err
	}
	return known.oauth.AuthCodeURL(state, oidc.Nonce(try.Nonce), oauth2.S256ChallengeOption(try.Verifier)), nil
}

// SameIssuer refuses an answer that another provider sent: it names itself, where it is one that does.
func (p *Provider) SameIssuer(ctx context.Context, answered string) error {
	known, err := p.discover(ctx)
	if err != nil {
		return err
	}
	if answered != p.config.Issuer && (answered != "" || known.sendsIss) {
		return errors.New("another identity provider answered than was asked")
	}
	return nil
}
