package store

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"time"
	"unicode/utf8"

	"gorm.io/gorm/schema"

	"stackhook/models"
)

func init() {
	schema.RegisterSerializer("micros", microsSerializer{})
	schema.RegisterSerializer("nullzero", nullZeroSerializer{})
	schema.RegisterSerializer("headers", headersSerializer{})
}

// micros returns an instant as the database keeps it: Unix microseconds in UTC, so that both databases compare and
// index it as a number. The zero time is nil, NULL.
func micros(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

func fromMicros(n int64) time.Time { return time.UnixMicro(n).UTC() }

// microsSerializer keeps a time.Time as micros does.
type microsSerializer struct{}

func (microsSerializer) Scan(ctx context.Context, field *schema.Field, dst reflect.Value, value any) error {
	switch v := value.(type) {
	case nil:
		return field.Set(ctx, dst, time.Time{})
	case int64:
		return field.Set(ctx, dst, fromMicros(v))
	default:
		return fmt.Errorf("column %s holds a %T, not microseconds", field.DBName, value)
	}
}

func (microsSerializer) Value(_ context.Context, _ *schema.Field, _ reflect.Value, value any) (any, error) {
	return micros(value.(time.Time)), nil
}

// nullZeroSerializer keeps the zero of an int64 as NULL: a reference to nothing.
type nullZeroSerializer struct{}

func (nullZeroSerializer) Scan(ctx context.Context, field *schema.Field, dst reflect.Value, value any) error {
	if value == nil {
		value = int64(0)
	}
	return field.Set(ctx, dst, value)
}

func (nullZeroSerializer) Value(_ context.Context, _ *schema.Field, _ reflect.Value, value any) (any, error) {
	return nullZero(value.(int64)), nil
}

func nullZero(n int64) any {
	if n == 0 {
		return nil
	}
	return n
}

// headersSerializer keeps header lines as JSON. A receiver may send any bytes, and JSON holds only text: so each byte is
// written as the character of that number, as in ISO 8859-1, and every value comes back as it was received.
type headersSerializer struct{}

func (headersSerializer) Scan(ctx context.Context, field *schema.Field, dst reflect.Value, value any) error {
	var headers []models.Header
	text, _ := value.(string)
	if text == "" {
		return field.Set(ctx, dst, headers)
	}
	if err := json.Unmarshal([]byte(text), &headers); err != nil {
		return fmt.Errorf("column %s: %w", field.DBName, err)
	}
	for i, h := range headers {
		headers[i] = models.Header{Name: asBytes(h.Name), Value: asBytes(h.Value)}
	}
	return field.Set(ctx, dst, headers)
}

func (headersSerializer) Value(_ context.Context, _ *schema.Field, _ reflect.Value, value any) (any, error) {
	return headersText(value.([]models.Header)), nil
}

// headersText is header lines as headersSerializer keeps them. It is written for each attempt, mostly of plain characters.
func headersText(headers []models.Header) any {
	if headers == nil {
		return nil
	}
	text := make([]byte, 0, 512)
	for i, h := range headers {
		text = append(text, "[,"[min(i, 1)])
		text = appendText(append(text, `{"name":`...), h.Name)
		text = append(appendText(append(text, `,"value":`...), h.Value), '}')
	}
	if len(headers) == 0 {
		text = append(text, '[')
	}
	return string(append(text, ']'))
}

// appendText appends a JSON string.
func appendText(to []byte, value string) []byte {
	for i := range len(value) {
		if c := value[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			text, err := json.Marshal(asText(value))
			if err != nil {
				panic("store: text cannot be written as JSON: " + err.Error())
			}
			return append(to, text...)
		}
	}
	return append(append(append(to, '"'), value...), '"')
}

// deltaText is a delta as GORM's JSON serializer keeps it.
func deltaText(d *models.Delta) any {
	if d == nil {
		return nil
	}
	text, err := json.Marshal(d)
	if err != nil {
		panic("store: numbers cannot be written as JSON: " + err.Error())
	}
	return string(text)
}

func asText(received string) string {
	if isASCII(received) {
		return received
	}
	runes := make([]rune, len(received))
	for i := range len(received) {
		runes[i] = rune(received[i])
	}
	return string(runes)
}

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func asBytes(kept string) string {
	received := make([]byte, 0, len(kept))
	for _, r := range kept {
		received = append(received, byte(r))
	}
	return string(received)
}
