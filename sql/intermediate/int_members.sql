with

services as (

    select * from ${raw}.services

)

select
    'service' as scope,
    service as unit,
    owner,
    service

from services
union all
select
    'owner' as scope,
    owner as unit,
    owner,
    service

from services
where owner != ''
union all
select
    'company' as scope,
    'all' as unit,
    cast(null as string) as owner,
    service

from services
