"""Tasks of the pool `numbers`: integers into their prime factors."""

import math

import snakepit

app = snakepit.App()

# Miller-Rabin with these bases is exact below 3.3 * 10**24 (Sorenson and Webster, 2015).
WITNESSES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41)


def is_prime(number: int) -> bool:
    """Tell whether number (at least 0, below 3.3e24) is prime."""
    if number < 2:
        return False
    for prime in WITNESSES:
        if number % prime == 0:
            return number == prime
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for witness in WITNESSES:
        power = pow(witness, odd, number)
        if power in (1, number - 1):
            continue
        for _ in range(twos - 1):
            power = power * power % number
            if power == number - 1:
                break
        else:
            return False
    return True


def find_factor(number: int) -> int:
    """Find a proper factor of a composite number by Pollard's rho method."""
    if number % 2 == 0:
        return 2
    for constant in range(1, number):
        slow = fast = 2
        factor = 1
        while factor == 1:
            slow = (slow * slow + constant) % number
            fast = (fast * fast + constant) % number
            fast = (fast * fast + constant) % number
            factor = math.gcd(abs(slow - fast), number)
        if factor != number:
            return factor
    raise ValueError(f"{number} has no proper factor")


@app.task
def factorise(number: int) -> list[int]:
    """Return the prime factors of number (2 or more) in ascending order, each as often as it divides."""
    if number < 2:
        raise ValueError(f"{number} is below 2 and has no prime factors")
    if is_prime(number):
        return [number]
    factor = find_factor(number)
    return sorted(factorise(factor) + factorise(number // factor))
