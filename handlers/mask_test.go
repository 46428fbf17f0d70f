package handlers

import (
	"strings"
	"testing"

	"stackhook/models"
)

func TestMaskedHeaders(t *testing.T) {
	t.Parallel()
	m := newMask([]string{"https://hooks.example/services/T0AB12/xoxb-SECRET99?key=p4ss&mode=fast"})
	for _, c := range []struct{ name, value, want string }{
		{"Set-Cookie", "session=1; HttpOnly", masked},
		{"Authorization", "Bearer x", masked},
		{"Proxy-Authorization", "Basic eDp5", masked},
		{"X-Api-Key", "x", masked},
		{"x-csrftoken", "x", masked},
		{"X_Access.Token", "x", masked},
		{"X-Refreshtoken", "x", masked},
		{"WWW-Authenticate", `Bearer realm="hooks"`, `Bearer realm="hooks"`},
		{"X-Signature-256", "sha256=0a", "sha256=0a"},
		{"webhook-signature", "v1,e263", "v1,e263"},
		{"Author", "Ada", "Ada"},
		{"Monkey", "yes", "yes"},
		{"Location", "https://b.example", "https://b.example"},
		{"Location", "https://b.example:8443/", "https://b.example:8443/"},
		{"Location", "https://b.example/x?back=/services", "https://b.example/" + masked},
		{"location", "https://ada:pw@b.example/", "https://b.example/" + masked},
		{"Location", "/services/T0AB12/", masked},
		{"Content-Location", "%zz", masked},
		{"X-Path", "at /services/T0AB12/xoxb-SECRET99?key=p4ss&mode=fast.", "at " + masked + "."},
		{"X-Path", "/services/T0AB12/xoxb-SECRET99 alone", masked + " alone"},
		{"X-Part", "no xoxb-SECRET99 here", "no " + masked + " here"},
		{"X-Part", "p4ss, services, T0AB12, fast", masked + ", services, T0AB12, fast"},
	} {
		if got := m.header(models.Header{Name: c.name, Value: c.value}); got != c.want {
			t.Errorf("%s: %s is shown as %s, want %s", c.name, c.value, got, c.want)
		}
	}
}

func TestMaskedBodiesInEveryWriting(t *testing.T) {
	t.Parallel()
	m := newMask([]string{"https://a.example/", "https://hooks.example/in/r%C3%BCck-ABCD/99?x=1&y=a+b+C"})
	for _, body := range []string{
		"POST /in/r%C3%BCck-ABCD/99?x=1&y=a+b+C", "/in/rück-ABCD/99", `"path":"\/in\/r%C3%BCck-ABCD\/99"`, "r%C3%BCck-ABCD", "rück-ABCD",
		"next=%2Fin%2Fr%25C3%25BCck-ABCD%2F99%3Fx%3D1", "/in/r%C3%BCck-ABCD/99?x=1&amp;y=a+b+C", "a b C",
	} {
		f := m.body([]byte(body), "x")
		if strings.HasSuffix(body, "y=a+b+C") && *f.Text != body[:strings.Index(body, "/")]+masked {
			t.Errorf("%s is not masked as one: %s", body, *f.Text)
		}
		if got := *f.Text; f.Bytes != len(body) || f.SHA256 != "" || !strings.Contains(got, masked) || strings.Contains(got, "ABCD") || strings.Contains(got, "a b C") {
			t.Errorf("%s is kept as %s, %d bytes, SHA-256 %q", body, got, f.Bytes, f.SHA256)
		}
	}
	for _, body := range []string{"", "/", "<a href=/in/>1</a>", "in, x, y", "\xff\x00"} {
		if f := m.body([]byte(body), "x"); f.SHA256 == "" || f.Text == nil && string(f.Base64) != body || f.Text != nil && *f.Text != body {
			t.Errorf("%q became %+v", body, f)
		}
	}
}
