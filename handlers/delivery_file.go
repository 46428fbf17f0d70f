package handlers

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"stackhook/models"
	"stackhook/views"
)

// deliveryFile is a delivery as it is handed to the receiver's team; the page about webhooks describes it. Whoever may
// read the stack may pass it on, so what is secret is not in it, see mask. Fields are only ever added.
type deliveryFile struct {
	Format   string         `json:"format"` // the shape of what follows
	About    string         `json:"about"`
	Masked   []string       `json:"masked"` // what was left out, in words
	Account  string         `json:"account"`
	Stack    string         `json:"stack"` // its id
	Delivery fileDelivery   `json:"delivery"`
	Webhook  fileWebhook    `json:"webhook"`
	Event    fileEvent      `json:"event"`
	Payload  fileBody       `json:"payload"`  // the body of every request
	Attempts []*fileAttempt `json:"attempts"` // oldest first
}

const (
	fileFormat = "stackhook-delivery/1"
	fileAbout  = "One delivery of a webhook with all its attempts, written by Stackhook %s at %s. Times are in UTC, durations in milliseconds. " +
		"Its id came with every request as webhook-id. What is secret is masked."
)

type fileDelivery struct {
	ID          string        `json:"id"`
	Status      models.Status `json:"status"`
	Summary     string        `json:"summary"`
	Reason      models.Reason `json:"reason,omitempty"`
	Code        int           `json:"code,omitempty"`
	Test        bool          `json:"test"`
	CreatedAt   string        `json:"createdAt"`
	DueAt       string        `json:"dueAt,omitempty"`
	DeliveredAt string        `json:"deliveredAt,omitempty"`
	EndedAt     string        `json:"endedAt,omitempty"`
}

type fileWebhook struct {
	ID        string `json:"id"`
	Host      string `json:"host"`
	Enabled   bool   `json:"enabled"`
	HasSecret bool   `json:"hasSecret"`
}

type fileEvent struct {
	ID           string       `json:"id"`
	Run          string       `json:"run"`
	State        models.State `json:"state"`
	StateVersion int64        `json:"stateVersion"`
	At           string       `json:"at"`
}

// fileBody is a body: as text or, where it is not UTF-8, as base64. Its length is that of what was sent or received; with
// something masked it has no SHA-256, from which that could be guessed.
type fileBody struct {
	Bytes  int     `json:"bytes"`
	SHA256 string  `json:"sha256,omitempty"`
	Text   *string `json:"text,omitempty"`
	Base64 []byte  `json:"base64,omitempty"`
}

type fileAttempt struct {
	Number       int           `json:"number"`
	StartedAt    string        `json:"startedAt"`
	Reason       models.Reason `json:"reason,omitempty"`
	Cause        models.Cause  `json:"cause,omitempty"`
	Detail       string        `json:"detail,omitempty"`
	Address      string        `json:"address,omitempty"`
	Reused       bool          `json:"reusedConnection"`
	Protocol     string        `json:"protocol,omitempty"`
	TLSVersion   string        `json:"tlsVersion,omitempty"`
	Certificate  string        `json:"certificateExpiresAt,omitempty"`
	Milliseconds filePhases    `json:"milliseconds"`
	Request      []fileHeader  `json:"requestHeaders"`
	Response     *fileResponse `json:"response"` // null without one
}

type filePhases struct {
	DNS       float64 `json:"dns"`
	Connect   float64 `json:"connect"`
	TLS       float64 `json:"tls"`
	FirstByte float64 `json:"firstByte"`
	Body      float64 `json:"body"`
	Total     float64 `json:"total"`
}

type fileHeader struct {
	Name   string  `json:"name"`
	Value  *string `json:"value,omitempty"`
	Base64 []byte  `json:"base64,omitempty"`
}

type fileResponse struct {
	Code       int          `json:"code"`
	Headers    []fileHeader `json:"headers"`
	HeadersCut bool         `json:"headersCut"`
	Body       fileBody     `json:"body"`
	Cut        bool         `json:"bodyCut"`
}

// fileOf makes the file of what a delivery's page shows.
func (h *Handlers) fileOf(p views.DeliveryPage, now time.Time) deliveryFile {
	d, w, e := p.Delivery, p.Webhook, p.Event
	f := deliveryFile{
		Format: fileFormat, About: fmt.Sprintf(fileAbout, h.Version, fileTime(now)), Account: h.Account, Stack: p.Stack,
		Delivery: fileDelivery{
			ID: d.ID, Status: d.Status, Summary: p.Summary(now), Reason: d.Reason, Code: d.Code, Test: d.Test, CreatedAt: fileTime(d.CreatedAt),
			DeliveredAt: fileTime(d.FirstDelivered), EndedAt: fileTime(d.EndedAt),
		},
		Webhook:  fileWebhook{w.ID, w.EndpointHost, w.Enabled, w.HasSecret()},
		Event:    fileEvent{e.ID, e.RunID, e.State, e.StateVersion, fileTime(time.Unix(e.At, 0))},
		Payload:  bodyOf(e.Payload),
		Attempts: []*fileAttempt{},
	}
	if d.Status == models.Pending {
		f.Delivery.DueAt = fileTime(d.DueAt)
	}
	endpoints := []string{w.EndpointURL}
	for _, a := range p.Attempts {
		endpoints = append(endpoints, a.URL)
	}
	m := newMask(endpoints)
	for _, a := range slices.Backward(p.Attempts) {
		f.Attempts = append(f.Attempts, m.attempt(a))
	}
	f.Masked = m.done
	return f
}

func (m *mask) attempt(a models.Attempt) *fileAttempt {
	file := &fileAttempt{
		Number: a.Number, StartedAt: fileTime(a.StartedAt), Reason: a.Reason, Cause: a.Cause, Detail: a.Detail, Address: a.Address, Reused: a.Reused,
		Protocol: a.Protocol, TLSVersion: a.TLSVersion, Certificate: fileTime(a.CertificateExpiresAt),
		Milliseconds: filePhases{
			milliseconds(a.DNS), milliseconds(a.Connect), milliseconds(a.TLS), milliseconds(a.FirstByte), milliseconds(a.Body), milliseconds(a.Total),
		},
		Request: m.headers(a.Exchange.RequestHeaders, fmt.Sprintf("the request of attempt %d", a.Number)),
	}
	if a.Code != 0 {
		of := fmt.Sprintf("the response of attempt %d", a.Number)
		file.Response = &fileResponse{
			Code: a.Code, Headers: m.headers(a.Exchange.ResponseHeaders, of), HeadersCut: a.Exchange.HeadersCut,
			Body: m.body(a.Exchange.ResponseBody, of), Cut: a.Exchange.Cut,
		}
	}
	return file
}

func bodyOf(body []byte) fileBody {
	sum := sha256.Sum256(body)
	f := fileBody{Bytes: len(body), SHA256: hex.EncodeToString(sum[:])}
	f.Text, f.Base64 = textOrBytes(string(body))
	return f
}

// textOrBytes returns a text, or its bytes if it is none: JSON cannot hold those.
func textOrBytes(value string) (text *string, raw []byte) {
	if utf8.ValidString(value) {
		return &value, nil
	}
	return nil, []byte(value)
}

// fileTime is an instant as the file has it, "" for none.
func fileTime(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format("2006-01-02T15:04:05.000Z")
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// encode writes the file with its fields in the order above. It may be opened in anything: there is no markup in it, and
// nothing that a terminal or an editor would obey or hide. Read as JSON, every text is exactly what it was.
func (f deliveryFile) encode() ([]byte, error) {
	text, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode a delivery: %w", err)
	}
	var out bytes.Buffer
	for _, r := range string(text) {
		switch {
		case r == '\n' || unicode.IsPrint(r):
			out.WriteRune(r)
		case r > 0xFFFF:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&out, `\u%04x\u%04x`, high, low)
		default: // all that is left stands within texts: JSON itself is visible
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}
