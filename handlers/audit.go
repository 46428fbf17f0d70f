package handlers

import (
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/views"
)

// Audit is the audit log.
func (h *Handlers) Audit(c echo.Context) error {
	ctx, page := c.Request().Context(), listPage(c)
	p := views.AuditPage{Frame: h.frame(c, "Audit", "audit"), Keeps: h.AuditRetention}
	var filter store.AuditFilter
	p.Filter, filter, p.Invalid = auditFilter(c.QueryParams(), p.Frame.Now)
	if page.Older != "" && normalID(page.Older) == "" || page.Newer != "" && normalID(page.Newer) == "" {
		p.Invalid.Add("page", "There is no such page. Start from the newest records.")
	}
	if len(p.Invalid) > 0 {
		return h.render(c, http.StatusUnprocessableEntity, views.Audit(p))
	}
	found, err := h.Store.AuditRecords(ctx, filter, page)
	if err != nil {
		return err
	}
	stacks, err := h.Store.Stacks(ctx, Viewer(c))
	if err != nil {
		return err
	}
	p.Stacks = map[string]bool{}
	for _, s := range stacks {
		p.Stacks[s.ID] = true
	}
	values := p.Filter.Values()
	p.Records, p.Beyond = found.Rows, len(found.Rows) == 0 && page != (store.Page{})
	p.Newer, p.Older = neighbour(views.AuditPath, values, "newer", found.Newer), neighbour(views.AuditPath, values, "older", found.Older)
	return h.render(c, http.StatusOK, views.Audit(p))
}

// auditFilter reads the filter from an address: as it is shown, what it asks the store for, and what is wrong with it.
func auditFilter(query url.Values, now time.Time) (views.AuditFilter, store.AuditFilter, models.Invalid) {
	field := func(name string) string { return readable(query.Get(name)) }
	f := views.AuditFilter{
		Action: field("action"), Who: field("who"), Stack: field("stack"), Webhook: field("webhook"),
		Time: field("time"), From: field("from"), To: field("to"),
	}
	var bad models.Invalid
	filter := store.AuditFilter{Action: models.Action(f.Action), Who: f.Who, Stack: f.Stack, Webhook: normalID(f.Webhook)}
	if f.Action != "" && !slices.Contains(models.Actions(), filter.Action) {
		bad.Add("action", "Choose what was done from the list.")
	}
	if f.Webhook != "" && filter.Webhook == "" {
		bad.Add("webhook", wholeID)
	}
	filter.From, filter.To = parseTimes(&bad, f.Time, f.From, f.To, now)
	if f.Time == "" && len(bad) == 0 {
		f.From, f.To = views.FieldTimeOf(filter.From), views.FieldTimeOf(filter.To)
	}
	return f, filter, bad
}

// AuditCSV is what a filter lets through of the audit log as a file for spreadsheets.
func (h *Handlers) AuditCSV(c echo.Context) error {
	return exportCSV(c, auditHead, auditCells, h.exportAudit)
}

// AuditNDJSON is the same for programs, one JSON object a line.
func (h *Handlers) AuditNDJSON(c echo.Context) error {
	return exportNDJSON(c, h.exportAudit)
}

// auditLine is a record in an exported file.
type auditLine struct {
	ID      string        `json:"id"`
	At      string        `json:"at"` // RFC 3339, in UTC
	Kind    string        `json:"actorKind"`
	Who     string        `json:"actor"`
	Address string        `json:"address"`
	Action  models.Action `json:"action"`
	Stack   string        `json:"stack"`
	Webhook string        `json:"webhook"`
	Subject string        `json:"subject"`
	Detail  string        `json:"detail"`
}

var auditHead = []string{"id", "at", "actorKind", "actor", "address", "action", "stack", "webhook", "subject", "detail"}

func auditCells(l auditLine) []string {
	cells := []string{l.ID, l.At, l.Kind, l.Who, l.Address, string(l.Action), l.Stack, l.Webhook, l.Subject, l.Detail}
	for i, cell := range cells {
		cells[i] = views.Cell(cell)
	}
	return cells
}

func (h *Handlers) exportAudit(c echo.Context) (exported[auditLine], error) {
	now := time.Now()
	_, filter, bad := auditFilter(c.QueryParams(), now)
	e := exported[auditLine]{name: "stackhook-audit-" + now.UTC().Format(fileStamp)}
	e.each = func(take func([]auditLine) error) error {
		return h.Store.ExportAudit(c.Request().Context(), filter, func(records []models.AuditRecord) error {
			lines := make([]auditLine, len(records))
			for i, r := range records {
				lines[i] = auditLine{
					r.ID, r.At.UTC().Format(time.RFC3339Nano), string(r.Actor.Kind), r.Actor.Name, r.Actor.Address, r.Action,
					r.StackID, r.WebhookID, r.Subject, r.Detail,
				}
			}
			return take(lines)
		})
	}
	return e, bad.Err()
}
