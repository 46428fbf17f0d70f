package store

import (
	"context"
	"fmt"
	"reflect"
	"time"

	"gorm.io/gorm/schema"
)

func init() {
	schema.RegisterSerializer("micros", microsSerializer{})
	schema.RegisterSerializer("nullzero", nullZeroSerializer{})
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
	if n := value.(int64); n != 0 {
		return n, nil
	}
	return nil, nil
}
