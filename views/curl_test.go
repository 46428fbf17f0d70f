package views_test

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/needs"
	"stackhook/views"
	"stackhook/views/ui"
)

// wire listens on this machine and gives back each request as it came, byte for byte.
func wire(t *testing.T) (address string, next func() string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return listener.Addr().String(), func() string {
		t.Helper()
		listener.(*net.TCPListener).SetDeadline(time.Now().Add(time.Minute))
		conn, err := listener.Accept()
		if err != nil {
			t.Error(err)
			return ""
		}
		defer conn.Close()
		var raw bytes.Buffer
		r, err := http.ReadRequest(bufio.NewReader(&teeReader{conn, &raw}))
		if err == nil {
			_, err = httputil.DumpRequest(r, true) // reads the body
		}
		if err != nil {
			t.Error(err)
		}
		fmt.Fprint(conn, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
		return raw.String()
	}
}

// teeReader keeps what is read. Unlike io.TeeReader it can be told from where.
type teeReader struct {
	net.Conn
	kept *bytes.Buffer
}

func (r *teeReader) Read(p []byte) (int, error) {
	n, err := r.Conn.Read(p)
	r.kept.Write(p[:n])
	return n, err
}

var curlCases = []struct{ name, target, body string }{
	{"plain", "/hooks", `{"account":"acme"}`},
	{"quotes of all kinds", "/hooks?a='b'&c=\"d\"", `{"message":"it's \"quoted\" ` + "`id`" + ` $(id) $HOME \\n"}`},
	{"what curl would expand", "/a/../b/./c?list[]={1,2}&range=[1-3]&e=%2f", `@/etc/hostname`},
	{"exclamation marks and percent signs", "/100%25!!", `!! %s %d !$`},
	{"line breaks and blanks at the ends", "/", "  {\r\n\t}\n\n"},
	{"beyond ASCII", "/", `{"message":"Zürich ☃ 🚀"}`},
	{"marks that hide and turn", "/", "{\"message\":\"it's 100 % \\\\ \u202e\u00a0\u200b\u0085\x7f Zürich \U000e0041\"}"},
	{"no text", "/", "\x00\x1b[2J\xff\xfe%d\\'"},
	{"an option", "/", "--output /dev/null"},
	{"over a kilobyte, where curl would ask first", "/", string(slices.Repeat([]byte("x"), 5000))},
	{"empty", "/", ""},
}

func TestCurlCommandSendsTheSameBytes(t *testing.T) {
	t.Parallel()
	needs.Program(t, "curl", "commands with curl", "curl bash dash")
	for _, shell := range []string{"bash", "sh"} {
		needs.Program(t, shell, "commands with curl", "curl bash dash")
		for _, c := range curlCases {
			t.Run(c.name+" in "+shell, func(t *testing.T) {
				t.Parallel()
				address, next := wire(t)
				a := models.Attempt{URL: "http://" + address + c.target, Protocol: "HTTP/1.1"}
				a.Exchange.RequestHeaders = []models.Header{
					{Name: "Host", Value: address},
					{Name: "User-Agent", Value: "Stackhook/1.4.2"},
					{Name: "Content-Length", Value: fmt.Sprint(len(c.body))},
					{Name: "Content-Type", Value: "application/json"},
					{Name: "X-Empty", Value: ""},
					{Name: "X-Signature-256", Value: "sha256=it's"},
					{Name: "webhook-signature", Value: "v1,e263WEgP+aZ/0/Ixi9LGwRwAPSnnA+3TRUwgv+kE7Qk="},
				}
				want := "POST " + c.target + " HTTP/1.1\r\n"
				for _, h := range a.Exchange.RequestHeaders {
					want += strings.TrimRight(h.Name+": "+h.Value, " ") + "\r\n"
				}
				want += "\r\n" + c.body
				command := views.CurlCommand(a, []byte(c.body))
				if ui.Visible(command) != command {
					t.Errorf("part of the command cannot be seen: %q", command)
				}
				// Nearly no environment, so that no proxy of the machine that tests stands between.
				run := exec.CommandContext(t.Context(), shell, "-c", command)
				run.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/nonexistent"}
				var out bytes.Buffer
				run.Stdout, run.Stderr = &out, &out
				if err := run.Start(); err != nil {
					t.Fatal(err)
				}
				got := next()
				if err := run.Wait(); err != nil {
					t.Fatalf("%v\n%s\n%s", err, command, out.String())
				}
				if got != want {
					t.Errorf("sent\n%q, not\n%q\n%s", got, want, command)
				}
			})
		}
	}
}

func TestCurlCommandNeedsARequest(t *testing.T) {
	t.Parallel()
	if got := views.CurlCommand(models.Attempt{Reason: models.ReasonInterrupted}, []byte("{}")); got != "" {
		t.Errorf("an attempt without a request gives %q", got)
	}
}

// Nothing that a receiver writes gets into a command that people run.
func TestCurlCommandHasNothingOfTheAnswer(t *testing.T) {
	t.Parallel()
	a := models.Attempt{URL: "https://a.example/", Exchange: models.Exchange{RequestHeaders: []models.Header{{Name: "Host", Value: "a.example"}}}}
	want := views.CurlCommand(a, []byte("{}"))
	evil := "'; touch /tmp/evil; '"
	a.Code, a.Detail, a.Address = 503, evil, evil
	a.Exchange.ResponseHeaders, a.Exchange.ResponseBody = []models.Header{{Name: evil, Value: evil}}, []byte(evil)
	if got := views.CurlCommand(a, []byte("{}")); got != want {
		t.Errorf("the answer changes the command to\n%s", got)
	}
}
