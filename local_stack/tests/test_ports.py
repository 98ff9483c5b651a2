import socket

from local_stack.errors import PortTaken
from local_stack.ports import free_port, free_port_offset, is_free
from local_stack.processes import SERVICES, ports


def test_a_port_that_something_listens_on_is_not_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert not is_free(listener.getsockname()[1])


def test_an_offset_shifts_every_port_to_a_free_one() -> None:
    base_ports = [port for _, port in ports()]

    offset = free_port_offset(base_ports)

    assert all(is_free(port + offset) for port in base_ports)


def test_a_taken_port_is_reported_with_its_process_and_the_way_out() -> None:
    message = str(PortTaken(8081, "user_service"))

    assert "8081" in message
    assert "user_service" in message
    assert "PORT_OFFSET" in message


def test_no_two_processes_share_a_port() -> None:
    numbers = [port for _, port in ports()]

    assert len(numbers) == len(set(numbers))


def test_processes_have_the_ports_of_the_contract() -> None:
    """`contract/additions.md` A."""
    assert {service.name: (service.port, service.management_port) for service in SERVICES} == {
        "gateway": (8080, 9080),
        "user_service": (8081, 9081),
        "course_service": (8082, 9082),
        "course_service_worker": (None, 9092),
        "schedule_service": (8083, 9083),
        "schedule_service_worker": (None, 9093),
    }


def test_a_free_port_can_be_listened_on() -> None:
    with socket.create_server(("127.0.0.1", free_port())):
        pass
