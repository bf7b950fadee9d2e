-- Table: incidents, newest first, and the deployment that each is linked to.
select
    incidents.service,
    incidents.owner,
    incidents.started_date,
    incidents.started_at,
    incidents.resolved_date,
    incidents.resolved_at,
    incidents.incident_id,
    incidents.title,
    incidents.severity,
    incidents.url,
    incidents.restore_hours,
    incidents.is_dirty,
    incidents.is_change_related,
    incidents.linked_by,
    coalesce(deployments.ref, incidents.deployment_id) as deployment_ref

from ${mart}.incidents_linked as incidents
left join ${mart}.deployments as deployments
    on
        incidents.service = deployments.service
        and incidents.deployment_id = deployments.deployment_id
        and deployments.environment = '${environment}'
order by incidents.started_at desc, incidents.service, incidents.incident_id
