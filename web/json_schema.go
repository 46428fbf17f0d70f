package web

import (
	"fmt"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// schema is what the description of the API says of a value. With the zero value anything may be there. The library checks the
// same, with values that it has decoded for that alone, at twice the time of a whole report's way through the edge.
type schema struct {
	*huma.Schema
	named huma.Registry // finds those that others refer to
}

// bodySchema returns the one of an operation's body.
func bodySchema(api huma.API, operation *huma.Operation) schema {
	s := schema{operation.RequestBody.Content[jsonType].Schema, api.OpenAPI().Components.Schemas}
	return s.resolved()
}

func (s schema) resolved() schema {
	if s.Schema != nil && s.Ref != "" {
		s.Schema = s.named.SchemaFromRef(s.Ref)
	}
	return s
}

func (s schema) items() schema {
	if s.Schema == nil {
		return s
	}
	return schema{s.Items, s.named}.resolved()
}

func (s schema) required() []string {
	if s.Schema == nil {
		return nil
	}
	return s.Required
}

// typeNames are what values of each type are called.
var typeNames = map[string]string{
	huma.TypeObject: "an object", huma.TypeArray: "a list", huma.TypeString: "text", huma.TypeInteger: "a whole number", huma.TypeBoolean: "true or false",
}

// typed returns the schema if the value that is there is of its type, and the zero value otherwise: what is within is checked
// as JSON only.
func (c *jsonChecker) typed(s schema, is string) schema {
	if s.Schema == nil || s.Type == is {
		return s
	}
	c.fault("must be " + typeNames[s.Type])
	return schema{}
}

// property returns the schema of an object's field.
func (c *jsonChecker) property(s schema, key string) schema {
	if s.Schema == nil {
		return s
	}
	p := s.Properties[key]
	if p == nil {
		c.fault("there is no such field")
	}
	return schema{p, s.named}.resolved()
}

// word checks a text against those that there may be.
func (c *jsonChecker) word(s schema, quoted []byte) {
	if s.Schema == nil || len(s.Enum) == 0 {
		return
	}
	text := unquoted(quoted)
	if !slices.ContainsFunc(s.Enum, func(word any) bool { return word == text }) {
		c.fault("must be one of " + strings.Trim(fmt.Sprint(s.Enum), "[]"))
	}
}

// number checks a number's bounds.
func (c *jsonChecker) number(s schema, n int64) {
	switch {
	case s.Schema == nil:
	case s.Minimum != nil && n < int64(*s.Minimum):
		c.fault(fmt.Sprintf("must be %.0f or more", *s.Minimum))
	case s.Maximum != nil && n > int64(*s.Maximum):
		c.fault(fmt.Sprintf("must be %.0f or less", *s.Maximum))
	}
}

// count checks how many values a list has.
func (c *jsonChecker) count(s schema, n int) {
	switch {
	case s.Schema == nil:
	case s.MinItems != nil && n < *s.MinItems:
		c.fault(fmt.Sprintf("must have at least %d", *s.MinItems))
	case s.MaxItems != nil && n > *s.MaxItems:
		c.fault(fmt.Sprintf("must have at most %d", *s.MaxItems))
	}
}

// mustBeChecked panics if a schema has rules that are not checked here: nobody else does.
func (s schema) mustBeChecked() {
	if s.Schema == nil {
		return
	}
	if typeNames[s.Type] == "" || s.Pattern != "" || s.Format != "" && s.Type == huma.TypeString || s.MinLength != nil || s.MaxLength != nil ||
		s.ExclusiveMinimum != nil || s.ExclusiveMaximum != nil || s.MultipleOf != nil || s.UniqueItems || s.MinProperties != nil || s.MaxProperties != nil ||
		len(s.DependentRequired) > 0 || s.OneOf != nil || s.AnyOf != nil || s.AllOf != nil || s.Not != nil || s.Nullable ||
		s.Type == huma.TypeObject && s.AdditionalProperties != false {
		panic(fmt.Sprintf("web: the API's description has a rule for a body that nothing checks: %+v", *s.Schema))
	}
	s.items().mustBeChecked()
	for _, p := range s.Properties {
		schema{p, s.named}.resolved().mustBeChecked()
	}
}
