package delivery

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"stackhook/models"
)

// authority signs the certificates of a test's receivers.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-1000 * time.Hour), NotAfter: time.Now().Add(1000 * time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return authority{certificate, key}
}

// sign returns a certificate for this machine's loopback address, as change leaves it.
func (a authority) sign(t *testing.T, change func(*x509.Certificate)) tls.Certificate {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		NotBefore: time.Now().Add(-time.Hour).Truncate(time.Second), NotAfter: time.Now().Add(time.Hour).Truncate(time.Second),
	}
	change(template)
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: a.key, Leaf: leaf}
}

func (a authority) trustedBy(s *sender) {
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	s.transport.TLSClientConfig = &tls.Config{RootCAs: pool}
}

func tlsReceiver(t *testing.T, c tls.Certificate, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{c}}
	server.EnableHTTP2 = true
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of the handshakes that are to fail
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

func TestTLS(t *testing.T) {
	t.Parallel()
	trusted, unknown := newAuthority(t), newAuthority(t)
	past := time.Now().Add(-30 * time.Minute)
	for _, c := range []struct {
		name   string
		signer authority
		change func(*x509.Certificate)
		cause  models.Cause
		detail string // "" for a success
	}{
		{"valid", trusted, func(*x509.Certificate) {}, "", ""},
		{"expired", trusted, func(c *x509.Certificate) { c.NotAfter = past.Truncate(time.Second) }, models.CauseExpired, "The certificate expired on " + past.UTC().Format("2 January 2006") + "."},
		{"not yet valid", trusted, func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) }, models.CauseNotYetValid, "The certificate is not valid before "},
		{"another name", trusted, func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{"example.com"} }, models.CauseOtherName, "The certificate is not for 127.0.0.1."},
		{"nobody's", unknown, func(*x509.Certificate) {}, models.CauseUntrusted, "not signed by an authority that this server trusts"},
		{"a client's", trusted, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }, models.CauseUnfit, "The certificate is not valid for a server."},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			certificate := c.signer.sign(t, c.change)
			requests := atomic.Int32{}
			server := tlsReceiver(t, certificate, func(http.ResponseWriter, *http.Request) { requests.Add(1) })
			s := newTestSender(t)
			trusted.trustedBy(s)
			a := s.send(t.Context(), sample(), targetOf(server.URL))
			reason, received := models.ReasonTLS, int32(0)
			if c.detail == "" {
				reason, received = "", 1
			}
			if a.Reason != reason || a.Cause != c.cause || !strings.Contains(a.Detail, c.detail) || requests.Load() != received {
				t.Errorf("reason %q, cause %q, detail %q, %d requests", a.Reason, a.Cause, a.Detail, requests.Load())
			}
			if !a.CertificateExpiresAt.Equal(certificate.Leaf.NotAfter) {
				t.Errorf("the certificate expires at %v, want %v", a.CertificateExpiresAt, certificate.Leaf.NotAfter)
			}
			if c.detail == "" && (a.TLSVersion != "TLS 1.3" || a.TLS <= 0 || a.Protocol != "HTTP/2.0") {
				t.Errorf("%s over %s, handshake %v", a.Protocol, a.TLSVersion, a.TLS)
			}
		})
	}
}

func TestTLSOfOthers(t *testing.T) {
	t.Parallel()
	plain := receiver(t, func(http.ResponseWriter, *http.Request) {})
	old := httptest.NewUnstartedServer(nil)
	old.TLS = &tls.Config{MaxVersion: tls.VersionTLS11}
	old.Config.ErrorLog = log.New(io.Discard, "", 0)
	old.StartTLS()
	t.Cleanup(old.Close)
	secured := tlsReceiver(t, newAuthority(t).sign(t, func(*x509.Certificate) {}), func(http.ResponseWriter, *http.Request) {})
	for _, c := range []struct {
		name, endpoint string
		reason         models.Reason
		cause          models.Cause
	}{
		{"https to plain HTTP", strings.Replace(plain.URL, "http:", "https:", 1), models.ReasonTLS, models.CauseNotTLS},
		{"only TLS 1.1", old.URL, models.ReasonTLS, ""},
		{"http to TLS", strings.Replace(secured.URL, "https:", "http:", 1), models.Reason4xx, ""}, // Go's server answers 400 in plain text
	} {
		if a := newTestSender(t).send(t.Context(), sample(), targetOf(c.endpoint)); a.Reason != c.reason || a.Cause != c.cause || a.Detail == "" {
			t.Errorf("%s: reason %q, cause %q, detail %q", c.name, a.Reason, a.Cause, a.Detail)
		}
	}
}

func TestHTTP2(t *testing.T) {
	t.Parallel()
	trusted := newAuthority(t)
	var sent atomic.Int64
	server := tlsReceiver(t, trusted.sign(t, func(*x509.Certificate) {}), func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		checkSignatures(t, r.Header, body, targetOf("").Secret)
		switch r.URL.Path {
		case "/endless":
			for chunk := bytes.Repeat([]byte("x"), 1<<10); ; {
				n, err := w.Write(chunk)
				sent.Add(int64(n))
				if err != nil {
					return
				}
			}
		case "/abort":
			panic(http.ErrAbortHandler)
		case "/cut":
			fmt.Fprint(w, "begun")
			http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		case "/gone":
			w.WriteHeader(http.StatusGone)
		}
	})
	s := newTestSender(t)
	trusted.trustedBy(s)
	for _, c := range []struct {
		path   string
		reason models.Reason
		code   int
		cut    bool
		kept   int
	}{
		{"/", "", 200, false, 0},
		{"/gone", models.ReasonGone, 410, false, 0},
		{"/abort", models.ReasonReset, 0, false, 0},
		{"/cut", "", 200, true, 5},
		{"/endless", "", 200, true, maxBody},
		{"/", "", 200, false, 0},
	} {
		a := s.send(t.Context(), sample(), targetOf(server.URL+c.path))
		if a.Reason != c.reason || a.Code != c.code || a.Exchange.Cut != c.cut || len(a.Exchange.ResponseBody) != c.kept {
			t.Errorf("%s: reason %q (%s), code %d, cut %v, %d bytes", c.path, a.Reason, a.Detail, a.Code, a.Exchange.Cut, len(a.Exchange.ResponseBody))
		}
	}
	if n := sent.Load(); n > 1<<20 {
		t.Errorf("%d bytes of an endless body left the receiver", n)
	}
}

// An answer over HTTP/2 whose headers break the protocol is no lost connection.
func TestHTTP2BrokenHeaders(t *testing.T) {
	t.Parallel()
	for reason, value := range map[models.Reason]string{models.ReasonProtocol: "a\x01b", "": "fine"} {
		r := &http2Receiver{end: func(f *http2.Framer, stream uint32, _ int) { answerHTTP2(f, stream, value) }}
		s, endpoint := r.listen(t)
		if a := s.send(t.Context(), sample(), targetOf(endpoint)); a.Reason != reason {
			t.Errorf("a header %q: reason %q, detail %q, want %q", value, a.Reason, a.Detail, reason)
		}
	}
}
