-- Incidents of the service that were resolved on these days: resolved minus started, in hours, whatever caused them.
-- Incidents of these days that are open, or resolved before they started, are shown and not counted.
select
    case
        when is_dirty then 'no: resolved before it started'
        when resolved_at is null then 'no: not resolved'
        else 'yes'
    end as counted,
    incident_id,
    title,
    kind,
    restore_hours,
    deployment_id,
    linked_by,
    started_at,
    resolved_at

from (
    select
        *,
        coalesce(resolved_date, started_date) as shown_date

    from ${mart}.incidents_linked
) as incidents
where
    service = ?
    and shown_date >= ?
    and shown_date < ?
order by resolved_at is null, restore_hours, incident_id
