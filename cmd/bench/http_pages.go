package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"stackhook/models"
	"stackhook/models/store"
)

// measuredPage is a page that is measured. Its address may name what the site has, in braces.
type measuredPage struct {
	name, address string
	reader        bool
	searched      bool // it looks through so many rows at most for what no index tells
	bounded       bool // it counts so many rows at most: of few there is less to count
}

// path is the address on a site.
func (p measuredPage) path(of map[string]string) string {
	var words []string
	for name, value := range of {
		words = append(words, "{"+name+"}", value)
	}
	return strings.NewReplacer(words...).Replace(p.address)
}

// measuredPages are all of them.
func measuredPages() (pages []measuredPage) {
	for _, log := range []measuredPage{
		{"all stacks", "/deliveries", false, false, false},
		{"a reader's stacks", "/deliveries", true, false, false},
		{"a stack", "/stacks/stack-01/deliveries", false, false, false},
		{"a webhook", "/stacks/stack-01/settings/integrations/webhooks/{webhook}", false, false, false},
	} {
		for _, f := range logFilters {
			if strings.Contains(log.address, "{webhook}") && strings.Contains(f.query, "webhook=") {
				continue
			}
			page := log
			page.searched = f.searched
			page.address += "?" + f.query
			if f.query != "" {
				page.name += " by " + f.query
			}
			deep := page
			deep.name, deep.address = page.name+", deep inside", page.address+"&older={middle}"
			pages = append(pages, page, deep)
		}
		for _, span := range models.Spans {
			page := log
			page.name, page.address = log.name+" with charts of "+span.Name, log.address+"?span="+span.Name
			pages = append(pages, page)
		}
	}
	return append(pages, []measuredPage{
		{"failures of all stacks", "/failures", false, false, true},
		{"failures of a reader's stacks", "/failures", true, false, true},
		{"failures of a stack", "/stacks/stack-01/failures", false, false, true},
		{"failures of 30 days", "/failures?within=30d", false, false, true},
		{"one delivery", "/stacks/stack-01/deliveries/{delivery}", false, false, false},
		{"one run", "/stacks/stack-01/runs/{run}", false, false, false},
		{"runs of a stack", "/stacks/stack-01", false, false, false},
		{"stacks", "/stacks", false, false, false},
		{"webhooks of a stack", "/stacks/stack-01/settings/integrations", false, false, false},
	}...)
}

// logFilters are what logs are narrowed by: what an index tells, alone and together, and what is searched.
var logFilters = []struct {
	query    string
	searched bool
}{
	{"", false},
	{"status=failed", false},
	{"status=pending", false},
	{"status=skipped", false},
	{"code=503", false},
	{"code=404", false},
	{"from={from}&to={to}", false},
	{"status=failed&from={from}&to={to}", false},
	{"run={run}", false},
	{"webhook={webhook}", false},
	{"status=delivered", true},
	{"code=200", true},
	{"state=FINISHED", true},
	{"reason=timeout", true},
	{"status=failed&reason=timeout", true},
	{"status=failed&time=ended-24h", true},
	{"code=5xx", true},
}

// findPaths returns what the addresses of pages name: things of the stack with most deliveries.
func (s *site) findPaths(ctx context.Context) (map[string]string, error) {
	everybody := models.Viewer{User: &models.User{Role: models.Administrator}}
	stack, err := s.store.Stack(ctx, everybody, "stack-01")
	if err != nil {
		return nil, err
	}
	webhooks, err := s.store.Webhooks(ctx, stack)
	if err != nil {
		return nil, err
	}
	webhook, middle := webhooks[2].ID, time.Now().Add(-generatedSpan/2)
	failed, err := s.store.Deliveries(ctx, everybody, store.DeliveryFilter{Stack: &stack, Webhook: webhook, Status: models.Failed}, store.Page{Older: models.LeastID(middle)})
	if err == nil && len(failed.Rows) == 0 {
		err = errors.New("the log has no failure")
	}
	if err != nil {
		return nil, err
	}
	return map[string]string{
		"webhook": webhook, "delivery": failed.Rows[0].ID, "run": failed.Rows[0].RunID, "middle": models.LeastID(middle),
		"from": middle.Add(-48 * time.Hour).UTC().Format(time.RFC3339), "to": middle.Add(48 * time.Hour).UTC().Format(time.RFC3339),
	}, nil
}
